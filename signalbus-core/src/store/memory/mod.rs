//! The store in memory: for tests, simulation, and messages that may be lost with the process.
//!
//! It is also the reference: what a store has to do, without a database in the way.

mod accept;
mod cancel;
mod erase;
mod fetch;
mod flush;
mod ids;
mod lanes;
#[cfg(feature = "__model")]
#[doc(hidden)]
#[expect(
    missing_debug_implementations,
    reason = "for one test of the workspace"
)]
pub mod model;
mod order;
mod pauses;
mod purge;
mod query;
mod queues;
mod receipt_index;
mod receipts;
mod redrive;
mod row;
mod settle;
mod siblings;
mod slab;
mod suppress;
mod tables;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use self::tables::Tables;
use super::{
    Acceptance, BusAdvance, BusPosition, Cancel, Cancelled, DeliveryFilter, DeliveryRecord, Effect,
    Erase, Erased, EventRecord, Fetched, Flush, Flushed, HistoryEntry, LaneHolding, LaneLease,
    LaneRequest, Listed, NewEvent, Page, PageToken, Pause, Paused, Receipt, ReceiptEffect, Redrive,
    Redriven, Released, Retention, Shape, Store, StoreError, StoreFeatures, Suppression,
    SuppressionFilter, Tally, Unsuppress, Window,
};
use crate::{
    clock::{Clock, SystemClock, Timestamp},
    event::Attachment,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
};

/// Keeps everything in memory. Clones share what they keep, so that several workers of one
/// process may use it; it is gone with the last of them.
#[derive(Clone)]
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    tables: Arc<Mutex<Tables>>,
}

/// Makes a [`MemoryStore`].
#[derive(Debug, Clone)]
pub struct MemoryStoreBuilder {
    clock: Arc<dyn Clock>,
    lanes: u16,
}

impl MemoryStore {
    /// How many lanes it has unless told otherwise.
    pub const DEFAULT_LANES: u16 = 8;

    /// An empty store with the clock of the operating system.
    #[must_use]
    pub fn new() -> Self {
        Self::builder().build()
    }

    /// Sets the clock and the number of lanes.
    #[must_use]
    pub fn builder() -> MemoryStoreBuilder {
        MemoryStoreBuilder {
            clock: Arc::new(SystemClock::new()),
            lanes: Self::DEFAULT_LANES,
        }
    }

    /// Runs `work` alone and at one time. Never awaits.
    fn run<T>(&self, work: impl FnOnce(&mut Tables, Timestamp) -> T) -> T {
        let mut tables = self.tables.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        tables.notice(now);
        let done = work(&mut tables, now);
        tables.decide_siblings(&[], now);
        done
    }
}

impl MemoryStoreBuilder {
    /// Sets the clock: all decisions against a time ask this one.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Sets the number of lanes, and so of workers that can share the work; at least one.
    #[must_use]
    pub fn lanes(mut self, lanes: u16) -> Self {
        self.lanes = lanes.max(1);
        self
    }

    /// An empty store.
    #[must_use]
    pub fn build(self) -> MemoryStore {
        MemoryStore {
            clock: self.clock,
            tables: Arc::new(Mutex::new(Tables::new(self.lanes))),
        }
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryStore {
    /// Shows nothing of what it keeps.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for MemoryStore {
    fn features(&self) -> StoreFeatures {
        StoreFeatures::none()
            .shared(true)
            .keeps(Shape::Later)
            .keeps(Shape::After)
            .keeps(Shape::Held)
            .keeps(Shape::Pool)
            .keeps(Shape::Gather)
            .keeps(Shape::Watched)
            .keeps(Shape::Addresses)
            .keeps(Shape::Takes)
            .keeps(Shape::Children)
            .keeps(Shape::Memo)
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        self.run(|tables, now| tables.accept(events, advance, now))
    }

    async fn bus_positions(&self, bus: &str, group: &str) -> Result<Vec<BusPosition>, StoreError> {
        Ok(self.run(|tables, _| tables.bus_positions(bus, group)))
    }

    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError> {
        Ok(self.run(|tables, _| tables.lanes.hold(&request, self.clock.monotonic())))
    }

    async fn unserved(&self) -> Result<Vec<(ChannelName, u64)>, StoreError> {
        Ok(self.run(|tables, _| tables.unserved(self.clock.monotonic())))
    }

    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError> {
        Ok(self.run(|tables, now| tables.fetch(lanes, &window, now)))
    }

    async fn files(
        &self,
        tenant: &TenantId,
        event: EventId,
    ) -> Result<Vec<Attachment>, StoreError> {
        Ok(self.run(|tables, _| tables.files(tenant, event)))
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        let effects = flush.settles.iter().flat_map(|settle| &settle.effects);
        let accepted = effects.filter_map(|effect| match effect {
            Effect::Accept(event) => Some(event),
            Effect::Suppress(_) => None,
        });
        accepted.map(AsRef::as_ref).try_for_each(Tables::check)?;
        Ok(self.run(|tables, now| tables.flush(lanes, flush, now)))
    }

    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        Ok(self.run(|tables, now| tables.record_receipts(receipts, now)))
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        Ok(self.run(|tables, now| tables.redrive(&redrive, now)))
    }

    async fn cancel(
        &self,
        tenant: &TenantId,
        cancel: Cancel,
    ) -> Result<Vec<Cancelled>, StoreError> {
        Ok(self.run(|tables, now| tables.cancel(tenant, &cancel, now)))
    }

    async fn pause(&self, pause: Pause) -> Result<bool, StoreError> {
        Ok(self.run(|tables, now| tables.pause(pause, now)))
    }

    async fn resume(&self, what: &Paused) -> Result<bool, StoreError> {
        Ok(self.run(|tables, _| tables.resume(what)))
    }

    async fn release(&self, limit: u32) -> Result<Released, StoreError> {
        Ok(self.run(|tables, now| tables.release(limit, now)))
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        Ok(self.run(|tables, _| tables.pauses.clone()))
    }

    async fn suppress(&self, suppressions: Vec<Suppression>) -> Result<(), StoreError> {
        self.run(|tables, now| {
            for suppression in suppressions {
                tables.suppressions.add(suppression, now);
            }
        });
        Ok(())
    }

    async fn unsuppress(&self, which: Unsuppress) -> Result<bool, StoreError> {
        Ok(self.run(|tables, _| tables.suppressions.remove(&which)))
    }

    async fn suppressed(&self, asked: Vec<Listed>) -> Result<Vec<Option<Suppression>>, StoreError> {
        Ok(self.run(|tables, _| {
            let against = |listed| tables.suppressions.against(listed).cloned();
            asked.iter().map(against).collect()
        }))
    }

    async fn suppressions(
        &self,
        filter: &SuppressionFilter,
    ) -> Result<Vec<Suppression>, StoreError> {
        Ok(self.run(|tables, _| tables.suppressions.page(filter)))
    }

    async fn event(
        &self,
        tenant: &TenantId,
        id: EventId,
    ) -> Result<Option<EventRecord>, StoreError> {
        Ok(self.run(|tables, _| tables.event(tenant, id)))
    }

    async fn delivery(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        Ok(self.run(|tables, _| tables.delivery(tenant, id)))
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        Ok(self.run(|tables, _| tables.history(tenant, id)))
    }

    async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        self.run(|tables, _| tables.list(filter, page))
    }

    async fn tally(&self, filter: &DeliveryFilter) -> Result<Vec<Tally>, StoreError> {
        Ok(self.run(|tables, _| tables.tally(filter)))
    }

    async fn purge(&self, retention: &Retention) -> Result<u64, StoreError> {
        Ok(self.run(|tables, now| tables.purge(retention, now)))
    }

    async fn erase(&self, erase: &Erase) -> Result<Erased, StoreError> {
        Ok(self.run(|tables, now| tables.erase(erase, now)))
    }
}
