//! The store as the engine sees it: every call is timed and counted on its way.

use std::{sync::Arc, sync::OnceLock, time::Duration};

use async_trait::async_trait;
use metrics::{Histogram, counter, gauge, histogram};

use super::{metrics::names, tenants::Tenants};
use crate::{
    clock::Clock,
    event::Attachment,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    store::{
        Acceptance, BusAdvance, BusPosition, Cancel, Cancelled, ClaimAnswer, DeliveryFilter,
        DeliveryRecord, Effect, Erase, Erased, EventRecord, Fetched, Flush, Flushed, HistoryEntry,
        LaneHolding, LaneLease, LaneRequest, Listed, NewEvent, Page, PageToken, Pause, Paused,
        Pressure, Receipt, ReceiptEffect, ReceiptKind, Redrive, Redriven, Released, Retention,
        SettleAnswer, Store, StoreError, StoreErrorKind, StoreFeatures, Suppression,
        SuppressionFilter, Tally, Unsuppress, Window,
    },
};

/// A store whose calls are measured.
#[derive(Debug)]
pub(crate) struct Metered {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    tenants: Arc<Tenants>,
    times: Times,
}

/// One for each call, made at its first: a call that nobody makes has no series.
#[derive(Default)]
struct Times([OnceLock<Histogram>; CALLS.len()]);

impl std::fmt::Debug for Times {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Times")
    }
}

/// The calls of a store, as the label `operation` names them.
const CALLS: [&str; 25] = [
    "accept",
    "bus_positions",
    "hold_lanes",
    "fetch",
    "unserved",
    "flush",
    "record_receipts",
    "redrive",
    "cancel",
    "pause",
    "resume",
    "release",
    "pauses",
    "suppress",
    "unsuppress",
    "suppressed",
    "suppressions",
    "event",
    "delivery",
    "history",
    "list",
    "tally",
    "purge",
    "files",
    "erase",
];

impl Metered {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, tenants: Arc<Tenants>) -> Self {
        Self {
            store,
            clock,
            tenants,
            times: Times::default(),
        }
    }

    async fn timed<T>(
        &self,
        call: &'static str,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let began = self.clock.monotonic();
        let answer = work.await;
        self.took(call, self.clock.monotonic().saturating_sub(began));
        if let Err(error) = &answer {
            counter!(names::STORE_ERRORS, "operation" => call, "kind" => word(error.kind()))
                .increment(1);
        }
        answer
    }

    fn took(&self, call: &'static str, took: Duration) {
        let index = CALLS.iter().position(|name| *name == call);
        if let Some(times) = index.and_then(|index| self.times.0.get(index)) {
            times
                .get_or_init(|| histogram!(names::STORE_DURATION, "operation" => call))
                .record(took.as_secs_f64());
        }
    }
}

const fn word(kind: StoreErrorKind) -> &'static str {
    match kind {
        StoreErrorKind::Unavailable => "unavailable",
        StoreErrorKind::Ambiguous => "ambiguous",
        StoreErrorKind::StalePosition => "stale_position",
        StoreErrorKind::InUse => "in_use",
        StoreErrorKind::Corrupt => "corrupt",
        StoreErrorKind::Unsupported => "unsupported",
        StoreErrorKind::Invalid => "invalid",
        _ => "other",
    }
}

/// A word from outside must not become a series of its own.
fn kind_of(kind: &ReceiptKind) -> &'static str {
    match kind {
        ReceiptKind::Deferred => "deferred",
        ReceiptKind::Sent => "sent",
        ReceiptKind::Delivered => "delivered",
        ReceiptKind::Bounced => "bounced",
        ReceiptKind::Complained => "complained",
        ReceiptKind::Opened => "opened",
        ReceiptKind::Clicked => "clicked",
        _ => "other",
    }
}

const fn effect_of(effect: ReceiptEffect) -> &'static str {
    match effect {
        ReceiptEffect::Advanced => "advanced",
        ReceiptEffect::Recorded => "recorded",
        ReceiptEffect::Duplicate => "duplicate",
        ReceiptEffect::Parked => "parked",
        _ => "other",
    }
}

fn suppressed(entry: &Suppression) {
    use crate::store::Cause;
    let cause = match entry.cause {
        Cause::Manual => "manual",
        Cause::Unsubscribed => "unsubscribed",
        Cause::Bounced => "bounced",
        Cause::Complained => "complained",
        _ => "other",
    };
    let channel = entry.channel.to_string();
    counter!(names::SUPPRESSED, "channel" => channel, "cause" => cause).increment(1);
}

fn lanes_lost(flushed: &Flushed) {
    let claims = flushed.claims.iter();
    let settles = flushed.settles.iter();
    let lost = claims
        .filter(|answer| matches!(answer, ClaimAnswer::LaneLost))
        .count()
        + settles
            .filter(|answer| matches!(answer, SettleAnswer::LaneLost))
            .count();
    if lost > 0 {
        let lost = u64::try_from(lost).unwrap_or(u64::MAX);
        counter!(names::LANE_LOST).increment(lost);
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl Store for Metered {
    fn features(&self) -> StoreFeatures {
        self.store.features()
    }

    fn pressure(&self) -> Pressure {
        self.store.pressure()
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let whose = self.tenants.of(&events);
        let answers = self
            .timed("accept", self.store.accept(events, advance))
            .await?;
        self.tenants.published(&whose, &answers);
        Ok(answers)
    }

    async fn bus_positions(&self, bus: &str, group: &str) -> Result<Vec<BusPosition>, StoreError> {
        self.timed("bus_positions", self.store.bus_positions(bus, group))
            .await
    }

    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError> {
        let worker = request.worker;
        let holding = self
            .timed("hold_lanes", self.store.hold_lanes(request))
            .await?;
        let lanes = u32::try_from(holding.leases.len()).unwrap_or(u32::MAX);
        gauge!(names::LANES, "worker" => worker.to_string()).set(f64::from(lanes));
        Ok(holding)
    }

    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError> {
        self.timed("fetch", self.store.fetch(lanes, window)).await
    }

    async fn unserved(&self) -> Result<Vec<(ChannelName, u64)>, StoreError> {
        self.timed("unserved", self.store.unserved()).await
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        let flushed = self.timed("flush", self.store.flush(lanes, flush)).await?;
        for (settle, answer) in flush.settles.iter().zip(&flushed.settles) {
            if *answer == SettleAnswer::Applied {
                for effect in &settle.effects {
                    if let Effect::Suppress(entry) = effect {
                        suppressed(entry);
                    }
                }
            }
        }
        lanes_lost(&flushed);
        Ok(flushed)
    }

    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        let said: Vec<_> = receipts
            .iter()
            .map(|receipt| (receipt.provider.clone(), kind_of(&receipt.kind)))
            .collect();
        let effects = self
            .timed("record_receipts", self.store.record_receipts(receipts))
            .await?;
        for ((provider, kind), effect) in said.into_iter().zip(&effects) {
            let (provider, effect) = (provider.to_string(), effect_of(*effect));
            counter!(names::RECEIPTS, "provider" => provider, "kind" => kind, "effect" => effect)
                .increment(1);
        }
        Ok(effects)
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        self.timed("redrive", self.store.redrive(redrive)).await
    }

    async fn cancel(
        &self,
        tenant: &TenantId,
        cancel: Cancel,
    ) -> Result<Vec<Cancelled>, StoreError> {
        self.timed("cancel", self.store.cancel(tenant, cancel))
            .await
    }

    async fn pause(&self, pause: Pause) -> Result<bool, StoreError> {
        self.timed("pause", self.store.pause(pause)).await
    }

    async fn resume(&self, what: &Paused) -> Result<bool, StoreError> {
        self.timed("resume", self.store.resume(what)).await
    }

    async fn release(&self, limit: u32) -> Result<Released, StoreError> {
        self.timed("release", self.store.release(limit)).await
    }

    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        self.timed("pauses", self.store.pauses()).await
    }

    async fn suppress(&self, suppressions: Vec<Suppression>) -> Result<(), StoreError> {
        let entries = suppressions.clone();
        self.timed("suppress", self.store.suppress(suppressions))
            .await?;
        entries.iter().for_each(suppressed);
        Ok(())
    }

    async fn unsuppress(&self, which: Unsuppress) -> Result<bool, StoreError> {
        self.timed("unsuppress", self.store.unsuppress(which)).await
    }

    async fn suppressed(&self, asked: Vec<Listed>) -> Result<Vec<Option<Suppression>>, StoreError> {
        self.timed("suppressed", self.store.suppressed(asked)).await
    }

    async fn suppressions(
        &self,
        filter: &SuppressionFilter,
    ) -> Result<Vec<Suppression>, StoreError> {
        self.timed("suppressions", self.store.suppressions(filter))
            .await
    }

    async fn event(
        &self,
        tenant: &TenantId,
        id: EventId,
    ) -> Result<Option<EventRecord>, StoreError> {
        self.timed("event", self.store.event(tenant, id)).await
    }

    async fn delivery(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        self.timed("delivery", self.store.delivery(tenant, id))
            .await
    }

    async fn history(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Vec<HistoryEntry>, StoreError> {
        self.timed("history", self.store.history(tenant, id)).await
    }

    async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError> {
        self.timed("list", self.store.list(filter, page)).await
    }

    async fn tally(&self, filter: &DeliveryFilter) -> Result<Vec<Tally>, StoreError> {
        self.timed("tally", self.store.tally(filter)).await
    }

    async fn purge(&self, retention: &Retention) -> Result<u64, StoreError> {
        self.timed("purge", self.store.purge(retention)).await
    }

    async fn files(
        &self,
        tenant: &TenantId,
        event: EventId,
    ) -> Result<Vec<Attachment>, StoreError> {
        self.timed("files", self.store.files(tenant, event)).await
    }

    async fn erase(&self, erase: &Erase) -> Result<Erased, StoreError> {
        self.timed("erase", self.store.erase(erase)).await
    }
}
