//! Hosts publish in their own transactions on whatever driver they have, and by SQL.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and waits for real servers"
)]

#[path = "../specific/engine.rs"]
mod engine;
#[path = "../support/mod.rs"]
mod server;

mod diesel;
mod function;
mod plan;
mod tokio_postgres;
