//! What the common suite cannot know of: sessions, pools, other transactions, a server that goes
//! away.
//!
//! Tests that do harm to the server start one of their own.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and measures real time"
)]

mod ambiguous;
mod cancellation;
mod crash;
mod engine;
mod growth;
mod host;
mod idle;
mod install;
mod joined;
mod months;
mod reach;
mod readers;
mod restored;
mod secrets;
#[path = "../support/mod.rs"]
mod server;
mod sessions;
mod snapshots;
mod support;
mod sweep;
mod text;
mod view;
mod wakes;
