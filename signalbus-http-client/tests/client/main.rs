//! What the client promises, against servers that misbehave at every point of an exchange.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its servers run beside it"
)]

mod answers;
mod requests;
mod server;
mod tls;
mod traces;
