//! From an event to what is stored: checked, planned, and answered with data.

mod check;
mod fingerprint;
mod planner;
pub(crate) mod wire;

pub use check::PublishLimits;
pub(crate) use planner::Planner;
pub(crate) use signalbus_core::publish::*;
