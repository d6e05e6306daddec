//! What an operator deploys beside Signalbus, and what its tests need: an exporter of metrics, and an
//! engine under load. See `README.md` beside this file's folder.

pub mod exporter;
pub mod load;
