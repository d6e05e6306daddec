//! Twilio, against the fake.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod auth;
mod lookups;
mod receipts;
mod requests;
mod signatures;
mod support;
