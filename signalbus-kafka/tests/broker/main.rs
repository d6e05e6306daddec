//! What is promised, against a real broker that runs all the while.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod assignment;
mod group;
mod publishing;
#[path = "../support/mod.rs"]
mod support;
mod transactions;
