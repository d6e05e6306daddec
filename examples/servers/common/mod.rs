//! What the three programs share: `notification-api` publishes to Kafka, `email-worker` and
//! `sms-worker` store in Postgres what comes from there, and each sends what is of its channel.

mod any_bus;
mod api;
mod args;
mod configured;
mod engine;
mod fakes;
mod observe;
mod program;
pub mod settings;
mod stop;
mod telemetry;
mod worker;

pub use program::{Program, main};
