#![doc = include_str!("../README.md")]

pub mod bus_suite;
pub mod clock;
pub mod directory_suite;
#[cfg(any(feature = "mailgun", feature = "twilio"))]
pub mod fakes;
pub mod limiter_suite;
pub mod provider;
pub mod provider_suite;
#[cfg(feature = "smtp")]
pub mod smtp;
mod store_layer;
#[cfg(feature = "model")]
pub mod store_model;
pub mod store_suite;
pub mod transaction_suite;

#[cfg(test)]
mod listed;

pub use clock::{ManualClock, PausedClock};
pub use store_layer::{Layered, StoreLayer};
