//! What is promised, against a real broker that runs all the while.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]
#![expect(
    clippy::disallowed_methods,
    reason = "brokers are in real time, and so is who waits for them"
)]

mod assignment;
mod group;
mod publishing;
#[path = "../support/mod.rs"]
mod support;
mod transactions;
