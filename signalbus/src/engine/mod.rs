//! The engine: takes what is ready, in order and in fairness, to the providers, and writes down
//! what became of it.

mod breaker;
mod budget;
pub(crate) mod content;
mod decide;
pub(crate) mod fresh;
mod ingest;
pub(crate) mod lanes;
pub mod metrics;
mod options;
mod providers;
mod retry;
pub(crate) mod route;
mod schedule;
mod worker;

pub use breaker::BreakerSettings;
pub use decide::Guarantee;
pub(crate) use ingest::{Ingest, Wire};
pub use options::EngineOptions;
pub use retry::RetryPolicy;
pub use route::{ChannelSetup, Preview};
pub(crate) use worker::{Phase, Shared, Worker};
