//! Fake services: real HTTP servers on this machine that keep books of what they received, misbehave as
//! they are told, and call back.

#![expect(clippy::expect_used, reason = "a test tool fails by panicking")]
#![cfg_attr(
    feature = "mailgun",
    expect(clippy::missing_panics_doc, reason = "a test tool fails by panicking")
)]

mod act;
mod call;
#[cfg(feature = "mailgun")]
mod multipart;
mod server;
mod wire;

#[cfg(feature = "mailgun")]
pub mod mailgun;
#[cfg(feature = "twilio")]
pub mod twilio;

pub use act::Act;
pub use call::{Answered, call};
