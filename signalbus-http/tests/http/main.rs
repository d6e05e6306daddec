//! The receipts half of the router, against the fakes.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod batches;
mod cuts;
mod effects;
mod fallback;
mod inbound;
mod replay;
mod support;
