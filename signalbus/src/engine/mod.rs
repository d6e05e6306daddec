//! The engine: takes what is ready, in order and in fairness, to the providers, and writes down
//! what became of it.

mod accounts;
mod breaker;
mod budget;
mod decide;
mod desk;
mod files;
mod ingest;
pub(crate) mod lanes;
mod memo;
mod metered;
pub mod metrics;
mod options;
mod part;
mod providers;
mod schedule;
mod tenants;
mod worker;

pub(crate) use desk::TenantRates;
pub(crate) use ingest::{rejected_payload, run as read_bus};
pub(crate) use metered::Metered;
pub use options::EngineOptions;
pub(crate) use part::Part;
pub(crate) use tenants::Tenants;
pub(crate) use worker::{Phase, Shared, Worker};
