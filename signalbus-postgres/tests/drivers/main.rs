//! Hosts publish in their own transactions on whatever driver they have, and by SQL.

#[path = "../specific/engine.rs"]
mod engine;
#[path = "../support/mod.rs"]
mod server;

mod diesel;
mod function;
mod plan;
mod tokio_postgres;
