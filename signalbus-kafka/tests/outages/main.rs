//! What is promised when a broker is not there, hangs, or asks who we are. Each test has a broker
//! of its own.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "brokers are in real time, and so is who waits for them"
)]

mod away;
mod retention;
mod security;
#[path = "../support/mod.rs"]
mod support;
#[path = "../support/traffic.rs"]
mod traffic;
