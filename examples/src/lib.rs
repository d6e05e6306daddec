//! Programs that show Signalbus at work; see the folder for each of them.

#[cfg(any(feature = "servers", feature = "notification-server"))]
#[path = "../servers/health.rs"]
pub mod health;
#[cfg(feature = "servers")]
#[path = "../servers/common/mod.rs"]
pub mod servers;
