//! What every store has to do, as tests: one for each case.
//!
//! A store crate runs them all with one macro; the cases themselves are meant to be read.
//!
//! ```
//! # // The tests are not run here, but everything compiles.
//! use signalbus::store::MemoryStore;
//! use signalbus_testkit::store_suite::LANES;
//!
//! signalbus_testkit::store_suite! {
//!     durable: false,
//!     shared: true,
//!     open: async |clock, place| {
//!         place.keep(|| MemoryStore::builder().clock(clock).lanes(LANES).build())
//!     },
//! }
//! ```
//!
//! With `shapes: true` it keeps every [`Shape`](signalbus_core::store::Shape), too.
//!
//! `durable` and `shared` are the feature sheet, as in
//! [`StoreFeatures`](signalbus_core::store::StoreFeatures). Cases for features that are not on it are
//! not tests at all, so that none seems to pass; one test compares the sheet with what the store
//! says of itself.
//!
//! `open` gets the clock the store must go by and the [`Place`] of its data, and gives the store.
//! It is called again for the same place when a case restarts the store (after the first one was
//! dropped) or, where it is shared, opens it as another process does. Each case has its own place.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

mod event;
pub(crate) mod harness;
#[doc(hidden)]
pub mod list;
mod place;
mod worker;

pub mod accept;
pub mod bus_positions;
pub mod cancel;
pub mod children;
pub mod claims;
pub mod erasure;
pub mod fencing;
pub mod idempotency;
pub mod lanes;
pub mod later;
pub mod order;
pub mod pauses;
pub mod purges;
pub mod queries;
pub mod receipts;
pub mod recipients;
pub mod redrives;
pub mod refusals;
pub mod restart;
pub mod results;
pub mod shapes;
pub mod sharing;
pub mod siblings;
pub mod takes;
pub mod windows;

pub use event::{Draft, acme, channel, provider, suppression, tenant};
pub use harness::Harness;
pub use place::Place;
pub use worker::{Worker, all_of, claim, everything, result, taken};

use std::{sync::Arc, time::Duration};

use signalbus_core::{
    Clock, TenantId,
    store::{Redrive, RedriveContent, Selection, Store},
};

/// How many lanes the store of a case must have.
pub const LANES: u16 = 8;

/// Runs one case on a new store.
///
/// [`store_suite!`](crate::store_suite!) calls it; call it yourself to run one case, or to show
/// that a case fails.
///
/// # Panics
/// When the case fails.
pub fn run<F, S>(open: F, case: impl AsyncFnOnce(Harness))
where
    F: AsyncFn(Arc<dyn Clock>, &Place) -> S + 'static,
    S: Store,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async { case(Harness::new(harness::opener(open)).await).await });
}

/// A redrive of all at once with fresh content.
#[must_use]
pub fn redrive(tenant: TenantId, selection: Selection) -> Redrive {
    Redrive {
        tenant,
        selection,
        actor: "ops".to_owned(),
        content: RedriveContent::Fresh,
        spacing: Duration::ZERO,
        expires_at: None,
        limit: 100,
        dry_run: false,
    }
}
