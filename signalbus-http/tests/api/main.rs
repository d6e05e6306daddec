//! The API, asked without a socket.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod events;
mod support;
