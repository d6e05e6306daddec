//! The examples as their users run them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod first_program;
mod outbox;
mod process;
mod quickstart;
mod server;
mod terminal;
