#![doc = include_str!("../README.md")]

pub mod bus_suite;
pub mod clock;
pub mod provider;
pub mod provider_suite;
mod store_layer;
#[cfg(feature = "model")]
pub mod store_model;
pub mod store_suite;
pub mod transaction_suite;

#[cfg(test)]
mod listed;

pub use clock::{ManualClock, PausedClock};
pub use store_layer::{Layered, StoreLayer};
