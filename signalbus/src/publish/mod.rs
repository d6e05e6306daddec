//! From an event to what is stored: checked, planned, and answered with data.

pub(crate) mod check;
mod fingerprint;
mod planner;
pub(crate) mod wire;

pub use check::PublishLimits;
pub(crate) use planner::Planner;
pub(crate) use signalbus_core::publish::*;
