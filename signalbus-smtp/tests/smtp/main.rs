//! Sending, against the scripted server of the test kit.

#![cfg(feature = "smtp")]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests fail by panicking, as tests do"
)]

mod accounts;
mod envelope;
mod pool;
mod secure;
mod sign_in;
mod stages;
mod suite;
mod support;
