use async_trait::async_trait;

use crate::{
    clock::Timestamp,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    store::{
        Acceptance, BusAdvance, BusPosition, Cancel, Cancelled, DeliveryFilter, DeliveryRecord,
        EventRecord, Fetched, Flush, Flushed, HistoryEntry, LaneHolding, LaneLease, LaneRequest,
        NewEvent, Page, PageToken, Pause, Paused, Receipt, ReceiptEffect, Redrive, Redriven, Store,
        StoreError, StoreErrorKind, StoreFeatures, Suppression, Tally, Unsuppress, Window,
    },
};

/// Stands where a handle has no store: says so to whoever asks it for anything.
#[derive(Debug)]
pub(super) struct Absent;

fn absent<T>() -> Result<T, StoreError> {
    let problem = "this handle was built without a store: it publishes to a bus, plans and renders";
    Err(StoreError::new(StoreErrorKind::Unsupported, problem))
}

#[async_trait]
impl Store for Absent {
    fn features(&self) -> StoreFeatures {
        StoreFeatures::none()
    }

    async fn accept(
        &self,
        _: Vec<NewEvent>,
        _: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        absent()
    }

    async fn bus_positions(&self, _: &str, _: &str) -> Result<Vec<BusPosition>, StoreError> {
        absent()
    }

    async fn hold_lanes(&self, _: LaneRequest) -> Result<LaneHolding, StoreError> {
        absent()
    }

    async fn fetch(&self, _: &[LaneLease], _: Window) -> Result<Fetched, StoreError> {
        absent()
    }

    async fn unserved(&self) -> Result<Vec<(ChannelName, u64)>, StoreError> {
        absent()
    }

    async fn flush(&self, _: &[LaneLease], _: &Flush) -> Result<Flushed, StoreError> {
        absent()
    }

    async fn record_receipts(&self, _: Vec<Receipt>) -> Result<Vec<ReceiptEffect>, StoreError> {
        absent()
    }

    async fn redrive(&self, _: Redrive) -> Result<Redriven, StoreError> {
        absent()
    }

    async fn cancel(&self, _: &TenantId, _: Cancel) -> Result<Vec<Cancelled>, StoreError> {
        absent()
    }

    async fn pause(&self, _: Pause) -> Result<bool, StoreError> {
        absent()
    }

    async fn resume(&self, _: &Paused) -> Result<bool, StoreError> {
        absent()
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        absent()
    }

    async fn suppress(&self, _: Vec<Suppression>) -> Result<(), StoreError> {
        absent()
    }

    async fn unsuppress(&self, _: Unsuppress) -> Result<bool, StoreError> {
        absent()
    }

    async fn event(&self, _: &TenantId, _: EventId) -> Result<Option<EventRecord>, StoreError> {
        absent()
    }

    async fn delivery(
        &self,
        _: &TenantId,
        _: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        absent()
    }

    async fn history(&self, _: &TenantId, _: DeliveryId) -> Result<Vec<HistoryEntry>, StoreError> {
        absent()
    }

    async fn list(
        &self,
        _: &DeliveryFilter,
        _: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        absent()
    }

    async fn tally(&self, _: &DeliveryFilter) -> Result<Vec<Tally>, StoreError> {
        absent()
    }

    async fn purge(&self, _: Timestamp, _: u32) -> Result<u64, StoreError> {
        absent()
    }
}
