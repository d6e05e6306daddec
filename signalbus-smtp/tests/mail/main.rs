//! Mails are read back by a parser that shares no code with what wrote them.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failed step fails the test"
)]

mod addresses;
mod attachments;
mod bodies;
mod headers;
mod property;
mod support;
