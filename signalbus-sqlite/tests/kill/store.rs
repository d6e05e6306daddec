//! The SQLite store, which kills its process right after a commit.

use async_trait::async_trait;
use signalbus::{
    clock::Timestamp,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    store::{
        Acceptance, AddressHash, BusAdvance, BusPosition, Cancel, Cancelled, DeliveryFilter,
        DeliveryRecord, EventRecord, Fetched, Flush, Flushed, HistoryEntry, LaneHolding, LaneLease,
        LaneRequest, NewEvent, Page, PageToken, Receipt, ReceiptEffect, Redrive, Redriven, Store,
        StoreError, StoreFeatures, Suppression, Tally, Window,
    },
};
use signalbus_sqlite::SqliteStore;

use crate::orders::Point;

#[derive(Debug)]
pub(crate) struct KillingStore {
    pub(crate) inner: SqliteStore,
    pub(crate) die: Option<Point>,
}

#[async_trait]
impl Store for KillingStore {
    fn features(&self) -> StoreFeatures {
        self.inner.features()
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let answer = self.inner.accept(events, advance).await?;
        Point::AfterAccept.reached(self.die);
        Ok(answer)
    }

    async fn flush(&self, lanes: &[LaneLease], flush: Flush) -> Result<Flushed, StoreError> {
        let (claims, settles) = (!flush.claims.is_empty(), !flush.settles.is_empty());
        let answer = self.inner.flush(lanes, flush).await?;
        if claims {
            Point::AfterClaim.reached(self.die);
        }
        if settles {
            Point::AfterSettle.reached(self.die);
            Point::InShutdown.reached(self.die);
        }
        Ok(answer)
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        let answer = self.inner.redrive(redrive).await?;
        Point::AfterRedrive.reached(self.die);
        Ok(answer)
    }

    async fn bus_positions(&self, bus: &str, group: &str) -> Result<Vec<BusPosition>, StoreError> {
        self.inner.bus_positions(bus, group).await
    }

    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError> {
        self.inner.hold_lanes(request).await
    }

    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError> {
        self.inner.fetch(lanes, window).await
    }

    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        self.inner.record_receipts(receipts).await
    }

    async fn cancel(
        &self,
        tenant: &TenantId,
        cancel: Cancel,
    ) -> Result<Vec<Cancelled>, StoreError> {
        self.inner.cancel(tenant, cancel).await
    }

    async fn suppress(&self, suppressions: Vec<Suppression>) -> Result<(), StoreError> {
        self.inner.suppress(suppressions).await
    }

    async fn unsuppress(
        &self,
        tenant: &TenantId,
        channel: &ChannelName,
        address: AddressHash,
    ) -> Result<bool, StoreError> {
        self.inner.unsuppress(tenant, channel, address).await
    }

    async fn event(
        &self,
        tenant: &TenantId,
        id: EventId,
    ) -> Result<Option<EventRecord>, StoreError> {
        self.inner.event(tenant, id).await
    }

    async fn delivery(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        self.inner.delivery(tenant, id).await
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        self.inner.history(tenant, id).await
    }

    async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        self.inner.list(filter, page).await
    }

    async fn tally(&self, filter: &DeliveryFilter) -> Result<Vec<Tally>, StoreError> {
        self.inner.tally(filter).await
    }

    async fn purge(&self, before: Timestamp, limit: u32) -> Result<u64, StoreError> {
        self.inner.purge(before, limit).await
    }
}
