//! The real engine in a world that is made of one seed.
//!
//! One thread, tokio's paused time, the memory store. The seed decides a [`Script`]: what is
//! published, cancelled, redriven, suppressed and reported, with which times, tenants, orders,
//! keys and repeats; and what goes wrong:
//!
//! - calls to the store and the bus that fail before or after the commit, or take long;
//! - providers that refuse, throttle, answer late, lose answers, panic, are out for a while;
//! - workers that crash (everything but the store is lost), leave in peace, or stand still and
//!   wake past their lease;
//! - jumps of the wall clock in both directions;
//! - things on the bus that nobody can read, and old history that is purged meanwhile.
//!
//! Providers may be asked what became of a message, or recognise repeats; one person may get
//! messages of several orders; in calm runs one tenant floods the engine beside another.
//!
//! [`Mode::Safety`] heals everything after a while; [`Mode::Liveness`] leaves one worker or one
//! provider broken for good, as faults that heal by luck hide a livelock. Then all work is
//! drained, and [`history::check`](crate::history::check) compares what the publishers, the
//! providers' own books and the store's log say.
//!
//! Chance that belongs to one thing (the fate of one request, one call that fails) depends on
//! the seed and on what the thing is, not on what came before. So a failed script can be made
//! shorter, action by action, and still fail: [`Run::report`] tells the short story.
//!
//! ```
//! use signalbus_sim::sim::{Mode, Script, run};
//!
//! let played = run(&Script::new(7, Mode::Safety))?;
//! assert!(played.violations.is_empty(), "{}", played.report(100));
//! # Ok::<(), Box<dyn std::error::Error + Send + Sync>>(())
//! ```
//!
//! `cargo xtask sim --seeds 10000` plays many and sums up; `cargo xtask sim --seed 7` replays one.

mod bus;
mod channel;
mod clock;
mod counters;
mod draw;
mod garbage;
mod gate;
mod generate;
mod journal;
mod lookup;
mod operator;
mod people;
mod provider;
mod publisher;
mod run;
mod script;
mod shrink;
mod store;
mod summary;
#[cfg(test)]
mod tests;
mod worker;
mod world;

pub use run::{Run, run};
pub use script::{Mode, Script};
pub use shrink::shrink;
pub use summary::Summary;
