#![doc = include_str!("../README.md")]

pub mod clock;
pub mod provider;
pub mod provider_suite;
pub mod store_suite;

pub use clock::{ManualClock, PausedClock};
