//! The receipts half of the router, against the fakes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod cuts;
mod effects;
mod inbound;
mod replay;
mod support;
