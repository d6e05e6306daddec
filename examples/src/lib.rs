//! Programs that show Signalbus at work; see the folder for each of them.

#[cfg(feature = "servers")]
#[path = "../servers/common/mod.rs"]
pub mod servers;
