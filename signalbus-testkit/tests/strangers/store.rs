//! A store that was written before deliveries could be held, wait for each other, or go by pools: it
//! has the methods that are mandatory, says nothing of shapes, and forgets what it does not know.

use async_trait::async_trait;
use signalbus::{
    DeliveryId, EventId, MemoryStore, Store, TenantId,
    name::ChannelName,
    store::{
        Acceptance, BusAdvance, BusPosition, Cancel, Cancelled, DeliveryFilter, DeliveryRecord,
        EventRecord, Fetched, Flush, Flushed, HistoryEntry, LaneHolding, LaneLease, LaneRequest,
        NewEvent, Next, Page, PageToken, Receipt, ReceiptEffect, Redrive, Redriven, Retention,
        StoreError, StoreErrorKind, StoreFeatures, Suppression, Tally, Unsuppress, Window,
    },
};

#[derive(Debug, Clone, Default)]
pub(crate) struct OldStore(pub(crate) MemoryStore);

#[async_trait]
impl Store for OldStore {
    fn features(&self) -> StoreFeatures {
        StoreFeatures::none().shared(true)
    }

    async fn accept(
        &self,
        mut events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        for delivery in events.iter_mut().flat_map(|event| &mut event.deliveries) {
            delivery.pool = None;
            delivery.after = None;
            delivery.gather = None;
            delivery.watched = false;
        }
        self.0.accept(events, advance).await
    }

    async fn bus_positions(&self, bus: &str, group: &str) -> Result<Vec<BusPosition>, StoreError> {
        self.0.bus_positions(bus, group).await
    }

    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError> {
        self.0.hold_lanes(request).await
    }

    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError> {
        self.0.fetch(lanes, window).await
    }

    async fn unserved(&self) -> Result<Vec<(ChannelName, u64)>, StoreError> {
        self.0.unserved().await
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        for settle in &flush.settles {
            if !matches!(settle.next, Next::Retry(_) | Next::End(..)) || settle.memo.is_some() {
                let problem = "this store does not know what should come next";
                return Err(StoreError::new(StoreErrorKind::Unsupported, problem));
            }
        }
        self.0.flush(lanes, flush).await
    }

    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        self.0.record_receipts(receipts).await
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        self.0.redrive(redrive).await
    }

    async fn cancel(
        &self,
        tenant: &TenantId,
        cancel: Cancel,
    ) -> Result<Vec<Cancelled>, StoreError> {
        self.0.cancel(tenant, cancel).await
    }

    async fn suppress(&self, suppressions: Vec<Suppression>) -> Result<(), StoreError> {
        self.0.suppress(suppressions).await
    }

    async fn unsuppress(&self, which: Unsuppress) -> Result<bool, StoreError> {
        self.0.unsuppress(which).await
    }

    async fn event(
        &self,
        tenant: &TenantId,
        id: EventId,
    ) -> Result<Option<EventRecord>, StoreError> {
        self.0.event(tenant, id).await
    }

    async fn delivery(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        self.0.delivery(tenant, id).await
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        self.0.history(tenant, id).await
    }

    async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        self.0.list(filter, page).await
    }

    async fn tally(&self, filter: &DeliveryFilter) -> Result<Vec<Tally>, StoreError> {
        self.0.tally(filter).await
    }

    async fn purge(&self, retention: &Retention) -> Result<u64, StoreError> {
        self.0.purge(retention).await
    }
}
