//! What the programs are told: from the environment (`SIGNALBUS_…`) and from a TOML file, all of it
//! checked before anything is started, and every problem told at once.

mod reader;
mod secret;
mod show;
mod sources;
mod table;
#[cfg(test)]
mod tests;

pub use reader::{Problem, Problems, Reader};
pub use show::Shown;
pub use sources::Sources;
pub use table::{ALL, Kind, Setting, names};
