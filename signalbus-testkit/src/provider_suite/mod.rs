//! What every provider has to do, as tests: one for each case.
//!
//! A provider crate runs them all with one macro; the cases themselves are meant to be read.
//!
//! ```
//! # // The tests are not run here, but everything compiles.
//! use std::sync::Arc;
//!
//! use signalbus::{SystemClock, channel::Sms};
//! use signalbus_testkit::{
//!     provider::{Play, ScriptedProvider},
//!     provider_suite::Subject,
//! };
//!
//! fn provider() -> ScriptedProvider<Sms> {
//!     ScriptedProvider::new(Arc::new(SystemClock::new()))
//! }
//!
//! fn subject(provider: ScriptedProvider<Sms>) -> Subject<Sms> {
//!     Subject::new(Sms::new(), provider)
//!         .to("+447700900123")
//!         .part("sms.txt", "Your parcel is at the door")
//! }
//!
//! signalbus_testkit::provider_suite! {
//!     reports_start: true,
//!     recognises_repeats: false,
//!     looks_up: false,
//!     open: async || subject(provider()),
//!     unreachable: async || {
//!         let provider = provider();
//!         provider.default(Play::cut_before_start());
//!         subject(provider)
//!     },
//!     connects_first: true,
//! }
//! ```
//!
//! `reports_start` and `recognises_repeats` are what
//! [`Capabilities`](signalbus_core::provider::Capabilities) say, `looks_up` is whether
//! [`Provider::lookup`](signalbus_core::Provider::lookup) is there. Cases for abilities that are not on
//! this sheet are not tests at all, so that none seems to pass; one test compares the sheet with
//! what the provider says of itself.
//!
//! `open` gives a new [`Subject`]: the provider, set up so that what it sends is taken (by a fake
//! server, say), and a sample of its messages. Each case has its own subject.
//!
//! Two more lines are for those who can have them:
//!
//! - `unreachable` gives a subject whose server is not there; leave it out for a provider that
//!   has none.
//! - `connects_first: true` says that the start is reported only when there is a connection, as a
//!   mail client can. Most HTTP clients connect and write in one call: leave it out then. Such a
//!   provider reports the start before the call, and still answers that nothing was sent when its
//!   client says that the connection was refused.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

#[doc(hidden)]
pub mod list;
mod subject;

pub mod calls;
pub mod content;
pub mod outage;
pub mod sheet;
pub mod start;

pub use subject::{Parcel, Subject};

use signalbus_core::Channel;

/// Runs one case on a new subject.
///
/// [`provider_suite!`](crate::provider_suite!) calls it; call it yourself to run one case, or to
/// show that a case fails.
///
/// # Panics
/// When the case fails.
pub fn run<C: Channel>(open: impl AsyncFnOnce() -> Subject<C>, case: impl AsyncFnOnce(Subject<C>)) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { case(open().await).await });
}
