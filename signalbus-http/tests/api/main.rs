//! The API, asked without a socket.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod accounts;
mod audit;
mod away;
mod bus;
mod deliveries;
mod document;
mod erasures;
mod events;
mod hostile;
mod keys;
mod limits;
mod lists;
mod manners;
mod metrics;
mod pauses;
mod quotas;
mod recipients;
mod sending;
mod support;
mod table;
mod templates;
mod tenants;
