//! Providers: what sends messages of a channel.

mod console;

pub use console::{Console, Describe, Description};
pub use signalbus_core::provider::*;
