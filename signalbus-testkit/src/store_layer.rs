//! Something around a store that changes what it wants to, and passes on the rest.

use std::fmt::Debug;

use async_trait::async_trait;
use signalbus_core::{
    Attachment, ChannelName, DeliveryId, EventId, Store, TenantId,
    store::{
        Acceptance, BusAdvance, BusPosition, Cancel, Cancelled, DeliveryFilter, DeliveryRecord,
        Erase, Erased, EventRecord, Fetched, Flush, Flushed, HistoryEntry, LaneHolding, LaneLease,
        LaneRequest, Listed, NewEvent, Page, PageToken, Pause, Paused, Pressure, Receipt,
        ReceiptEffect, Redrive, Redriven, Released, Retention, StoreError, StoreFeatures,
        Suppression, SuppressionFilter, Tally, Unsuppress, Window,
    },
};

/// A [`StoreLayer`] as a [`Store`].
///
/// The layer itself is in the field, for a test that keeps a clone to direct it by.
#[derive(Debug, Clone, Copy, Default)]
pub struct Layered<L>(pub L);

/// Makes the trait and its use from one list, so that no method can be in only one of them.
macro_rules! pass_on {
    ($(async fn $method:ident($($name:ident: $type:ty),*) -> $answer:ty;)*) => {
        /// Something around a store: each method passes the call on to [`inner`](Self::inner),
        /// unless the layer has its own.
        ///
        /// Write the methods that differ, and give the engine the layer within [`Layered`]:
        ///
        /// ```
        /// use std::sync::{Arc, atomic::{AtomicUsize, Ordering}};
        ///
        /// use async_trait::async_trait;
        /// use signalbus::{MemoryStore, Store, store::{Flush, Flushed, LaneLease, StoreError}};
        /// use signalbus_testkit::{Layered, StoreLayer};
        ///
        /// /// Counts what is sent.
        /// #[derive(Debug, Clone)]
        /// struct Counting {
        ///     inner: MemoryStore,
        ///     claims: Arc<AtomicUsize>,
        /// }
        ///
        /// #[async_trait]
        /// impl StoreLayer for Counting {
        ///     fn inner(&self) -> &dyn Store {
        ///         &self.inner
        ///     }
        ///
        ///     async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        ///         self.claims.fetch_add(flush.claims.len(), Ordering::SeqCst);
        ///         self.inner.flush(lanes, flush).await
        ///     }
        /// }
        ///
        /// let counting = Counting { inner: MemoryStore::default(), claims: Arc::default() };
        /// let store: Arc<dyn Store> = Arc::new(Layered(counting.clone()));
        /// # assert!(!store.features().durable);
        /// ```
        ///
        /// A layer that fails on purpose keeps to what [`Store`] says of its errors: either
        /// nothing was written, or the kind is
        /// [`Ambiguous`](signalbus_core::store::StoreErrorKind::Ambiguous).
        #[async_trait]
        pub trait StoreLayer: Debug + Send + Sync + 'static {
            /// The store that calls are passed on to.
            fn inner(&self) -> &dyn Store;

            /// See [`Store::features`].
            fn features(&self) -> StoreFeatures {
                self.inner().features()
            }

            /// See [`Store::pressure`].
            fn pressure(&self) -> Pressure {
                self.inner().pressure()
            }

            $(
                #[doc = concat!("See [`Store::", stringify!($method), "`].")]
                ///
                /// # Errors
                /// Those of the inner store.
                async fn $method(&self, $($name: $type),*) -> Result<$answer, StoreError> {
                    self.inner().$method($($name),*).await
                }
            )*
        }

        #[deny(
            clippy::missing_trait_methods,
            reason = "a method that is not in the list would not reach the layer"
        )]
        #[async_trait]
        impl<L: StoreLayer> Store for Layered<L> {
            fn features(&self) -> StoreFeatures {
                self.0.features()
            }

            fn pressure(&self) -> Pressure {
                self.0.pressure()
            }

            $(
                async fn $method(&self, $($name: $type),*) -> Result<$answer, StoreError> {
                    self.0.$method($($name),*).await
                }
            )*
        }
    };
}

pass_on! {
    async fn accept(events: Vec<NewEvent>, advance: Vec<BusAdvance>) -> Vec<Acceptance>;
    async fn bus_positions(bus: &str, group: &str) -> Vec<BusPosition>;
    async fn hold_lanes(request: LaneRequest) -> LaneHolding;
    async fn unserved() -> Vec<(ChannelName, u64)>;
    async fn fetch(lanes: &[LaneLease], window: Window) -> Fetched;
    async fn files(tenant: &TenantId, event: EventId) -> Vec<Attachment>;
    async fn flush(lanes: &[LaneLease], flush: &Flush) -> Flushed;
    async fn record_receipts(receipts: Vec<Receipt>) -> Vec<ReceiptEffect>;
    async fn redrive(redrive: Redrive) -> Redriven;
    async fn cancel(tenant: &TenantId, cancel: Cancel) -> Vec<Cancelled>;
    async fn pause(pause: Pause) -> bool;
    async fn resume(what: &Paused) -> bool;
    async fn release(limit: u32) -> Released;
    async fn pauses() -> Vec<Pause>;
    async fn suppress(suppressions: Vec<Suppression>) -> ();
    async fn unsuppress(which: Unsuppress) -> bool;
    async fn suppressed(asked: Vec<Listed>) -> Vec<Option<Suppression>>;
    async fn suppressions(filter: &SuppressionFilter) -> Vec<Suppression>;
    async fn event(tenant: &TenantId, id: EventId) -> Option<EventRecord>;
    async fn delivery(tenant: &TenantId, id: DeliveryId) -> Option<DeliveryRecord>;
    async fn history(tenant: &TenantId, id: DeliveryId) -> Vec<HistoryEntry>;
    async fn list(filter: &DeliveryFilter, page: PageToken) -> Page<DeliveryRecord>;
    async fn tally(filter: &DeliveryFilter) -> Vec<Tally>;
    async fn purge(retention: &Retention) -> u64;
    async fn erase(erase: &Erase) -> Erased;
}
