//! The memory store behind a way that fails, and a log of what it did.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use async_trait::async_trait;
use signalbus::{
    Clock as _, DeliveryId, EventId, MemoryStore, Store, TenantId,
    clock::later,
    store::{
        Acceptance, After, BusAdvance, BusPosition, Cancel, CancelAnswer, Cancelled, Claim,
        ClaimAnswer, Effect, EndState, Fetched, Flush, Flushed, LaneHolding, LaneId, LaneLease,
        LaneRequest, NewEvent, Pause, Paused, Reason, Receipt, ReceiptEffect, Redrive, Redriven,
        Refusal, Released, Retention, Settle, SettleAnswer, State, StoreError, StoreErrorKind,
        StoreFeatures, Suppression, Unsuppress, Window,
    },
};

use super::{
    gate::Gate,
    script::{Call, How, Topic},
    world::World,
};
use signalbus_testkit::StoreLayer;

use crate::history::{Broken, Listed, Seen, Step, ends};

/// The store as one worker reaches it.
#[derive(Debug, Clone)]
pub(super) struct SimStore {
    pub(super) inner: MemoryStore,
    pub(super) world: Arc<World>,
    pub(super) gate: Arc<Gate>,
    /// Whose way it is; none for those that are no worker.
    pub(super) worker: Option<u8>,
    pub(super) actor: String,
}

impl SimStore {
    /// The way to the store.
    async fn there(&self, call: Call) -> Result<Option<How>, StoreError> {
        self.gate.pass().await;
        let latency = self.world.setup.latency;
        if latency > Duration::ZERO {
            self.world.clock.sleep(latency).await;
            self.gate.pass().await;
        }
        let how = self.world.trouble(self.worker, call);
        if let Some(how) = how {
            self.write(Seen::Fault(Broken::Store {
                worker: self.actor.clone(),
                what: format!("{call:?} {how:?}"),
            }));
        }
        match how {
            Some(How::FailBefore) => {
                return Err(StoreError::new(
                    StoreErrorKind::Unavailable,
                    "the script says so: before",
                ));
            }
            Some(How::SlowBefore(wait)) => {
                self.world.clock.sleep(wait).await;
                self.gate.pass().await;
            }
            Some(How::FailAfter | How::SlowAfter(_)) | None => {}
        }
        Ok(how)
    }

    /// The way back.
    async fn back(&self, how: Option<How>) -> Result<(), StoreError> {
        match how {
            Some(How::FailAfter) => {
                return Err(StoreError::new(
                    StoreErrorKind::Ambiguous,
                    "the script says so: after",
                ));
            }
            Some(How::SlowAfter(wait)) => self.world.clock.sleep(wait).await,
            _ => {}
        }
        self.gate.pass().await;
        Ok(())
    }

    fn write(&self, seen: Seen) {
        self.world.journal.write(&self.actor, seen);
    }

    /// Lets deliveries of some topics wait for others, which no policy asks for yet.
    fn pair(&self, event: &mut NewEvent) {
        let fallback = event.topic.as_str() == Topic::Fallback.name();
        if !fallback && event.topic.as_str() != Topic::Escalate.name() {
            return;
        }
        let until = later(self.world.clock.now(), Duration::from_secs(4));
        // Both channels of one person follow each other.
        for pair in event.deliveries.chunks_mut(2) {
            if let [first, second] = pair {
                second.after = Some(if fallback {
                    After::failed(first.id)
                } else {
                    After::undelivered(first.id, until)
                });
            }
        }
    }

    /// Says which deliveries have ended as their siblings reached somebody.
    async fn note_siblings(&self) {
        for delivery in self.world.waiting() {
            if let Some((EndState::NotNeeded, Reason::Reached)) = self.end_of(delivery).await
                && self.world.stop_waiting(delivery)
            {
                self.write(Seen::NotNeeded { delivery });
            }
        }
    }

    fn note_stored(&self, event: &NewEvent) {
        if !self.world.journal.is_new(event.id) {
            return;
        }
        let open = event.deliveries.iter().filter(|one| one.ended.is_none());
        for (delivery, after) in open.filter_map(|one| Some((one.id, one.after?))) {
            self.world.wait(delivery);
            self.write(Seen::Waits { delivery, after });
        }
        let content = serde_json::from_slice::<serde_json::Value>(&event.content)
            .ok()
            .and_then(|content| Some(content["data"]["content"].as_str()?.to_owned()));
        self.write(Seen::Stored {
            event: event.id,
            tenant: event.tenant.clone(),
            key: event
                .idempotency
                .as_ref()
                .map(|idempotency| idempotency.key.clone()),
            content,
            deliveries: event
                .deliveries
                .iter()
                .map(|delivery| delivery.id)
                .collect(),
            ended: event
                .deliveries
                .iter()
                .filter_map(|delivery| Some((delivery.id, delivery.ended.as_ref()?.0)))
                .collect(),
        });
    }

    /// How a delivery has ended, if it has.
    async fn end_of(&self, id: DeliveryId) -> Option<(EndState, Reason)> {
        for tenant in super::people::tenants() {
            if let Ok(Some(record)) = self.inner.delivery(&tenant, id).await {
                return match record.state {
                    State::Ended(state) => Some((state, record.reason?)),
                    _ => None,
                };
            }
        }
        None
    }

    async fn note_settle(&self, settle: &Settle, lanes: &[LaneLease], told: bool) {
        for effect in &settle.effects {
            if let Effect::Suppress(suppression) = effect {
                self.write(Seen::Suppressed(listed(suppression)));
            }
        }
        let ended = self.end_of(settle.id).await;
        self.write(Seen::Settled {
            step: Step {
                delivery: settle.id,
                generation: settle.generation,
                attempt: settle.attempt,
                lane: settle.lane.get(),
                epoch: epoch(lanes, settle.lane),
            },
            provider: settle.record.provider.clone(),
            outcome: settle.record.outcome.clone(),
            fault: settle.record.fault,
            ended,
            told,
        });
    }

    async fn note_claim(&self, claim: &Claim, lanes: &[LaneLease], answer: &ClaimAnswer) {
        let step = Step {
            delivery: claim.id,
            generation: claim.generation,
            attempt: claim.attempt,
            lane: claim.lane.get(),
            epoch: epoch(lanes, claim.lane),
        };
        match answer {
            ClaimAnswer::Claimed(_) => self.write(Seen::Claimed(step)),
            ClaimAnswer::Refused(Refusal::Moved) => {
                // A receipt may have ended it just now.
                let ended = self
                    .end_of(claim.id)
                    .await
                    .filter(|(_, reason)| *reason == Reason::Receipt)
                    .map(|(state, _)| state);
                self.write(Seen::Refused { step, ended });
            }
            ClaimAnswer::Refused(_) => {
                let ended = self.end_of(claim.id).await.map(|(state, _)| state);
                self.write(Seen::Refused { step, ended });
            }
            _ => {}
        }
    }
}

fn epoch(lanes: &[LaneLease], lane: LaneId) -> u64 {
    lanes
        .iter()
        .find(|lease| lease.lane == lane)
        .map_or(0, |lease| lease.epoch.0)
}

fn listed(suppression: &Suppression) -> Listed {
    Listed {
        tenant: suppression.tenant.clone().unwrap_or_default(),
        channel: suppression.channel.clone(),
        address: suppression.address,
    }
}

#[async_trait]
impl StoreLayer for SimStore {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    /// Durable: a crash loses everything but the store.
    fn features(&self) -> StoreFeatures {
        self.inner.features().durable(true)
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let how = self.there(Call::Accept).await?;
        let mut events = events;
        events.iter_mut().for_each(|event| self.pair(event));
        let answers = self.inner.accept(events.clone(), advance).await?;
        for (event, answer) in events.iter().zip(&answers) {
            if matches!(answer, Acceptance::Accepted) {
                self.note_stored(event);
            }
        }
        self.back(how).await?;
        Ok(answers)
    }

    async fn bus_positions(&self, bus: &str, group: &str) -> Result<Vec<BusPosition>, StoreError> {
        let how = self.there(Call::Bus).await?;
        let positions = self.inner.bus_positions(bus, group).await?;
        self.back(how).await?;
        Ok(positions)
    }

    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError> {
        let how = self.there(Call::HoldLanes).await?;
        let holding = self.inner.hold_lanes(request).await?;
        for lease in &holding.leases {
            let (lane, epoch) = (lease.lane.get(), lease.epoch.0);
            if self.world.journal.is_new_epoch(lane, epoch) {
                self.write(Seen::Held { lane, epoch });
            }
        }
        self.back(how).await?;
        Ok(holding)
    }

    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError> {
        let how = self.there(Call::Fetch).await?;
        let fetched = self.inner.fetch(lanes, window).await?;
        self.back(how).await?;
        Ok(fetched)
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        let how = self.there(Call::Flush).await?;
        let flushed = self.inner.flush(lanes, flush).await?;
        let told = how != Some(How::FailAfter);
        for (settle, answer) in flush.settles.iter().zip(&flushed.settles) {
            if *answer == SettleAnswer::Applied {
                self.note_settle(settle, lanes, told).await;
            }
        }
        self.note_siblings().await;
        for (claim, answer) in flush.claims.iter().zip(&flushed.claims) {
            self.note_claim(claim, lanes, answer).await;
        }
        self.back(how).await?;
        Ok(flushed)
    }

    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        let how = self.there(Call::Operate).await?;
        let effects = self.inner.record_receipts(receipts.clone()).await?;
        for (receipt, effect) in receipts.into_iter().zip(&effects) {
            self.world.journal.write(
                receipt.provider.as_str(),
                Seen::Receipt {
                    tenant: receipt.tenant.unwrap_or_default(),
                    id: receipt.id,
                    repeated: *effect == ReceiptEffect::Duplicate,
                },
            );
        }
        self.note_siblings().await;
        self.back(how).await?;
        Ok(effects)
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        let how = self.there(Call::Operate).await?;
        let dry = redrive.dry_run;
        let redriven = self.inner.redrive(redrive).await?;
        for (delivery, began) in redriven.started.iter().copied().filter(|_| !dry) {
            self.write(Seen::Redriven { delivery, began });
        }
        self.back(how).await?;
        Ok(redriven)
    }

    async fn cancel(
        &self,
        tenant: &TenantId,
        cancel: Cancel,
    ) -> Result<Vec<Cancelled>, StoreError> {
        let how = self.there(Call::Operate).await?;
        let cancelled = self.inner.cancel(tenant, cancel).await?;
        for one in &cancelled {
            if one.answer == CancelAnswer::Cancelled {
                let delivery = one.id;
                self.write(Seen::Cancelled { delivery });
            }
        }
        self.back(how).await?;
        Ok(cancelled)
    }

    async fn pause(&self, pause: Pause) -> Result<bool, StoreError> {
        let how = self.there(Call::Operate).await?;
        let what = pause.what.clone();
        let new = self.inner.pause(pause).await?;
        if new {
            self.write(Seen::Paused(what));
        }
        self.back(how).await?;
        Ok(new)
    }

    async fn resume(&self, what: &Paused) -> Result<bool, StoreError> {
        let how = self.there(Call::Operate).await?;
        let stood = self.inner.resume(what).await?;
        if stood {
            self.write(Seen::Resumed(what.clone()));
        }
        self.back(how).await?;
        Ok(stood)
    }

    async fn release(&self, limit: u32) -> Result<Released, StoreError> {
        let how = self.there(Call::Operate).await?;
        let released = self.inner.release(limit).await?;
        self.back(how).await?;
        Ok(released)
    }

    async fn suppress(&self, suppressions: Vec<Suppression>) -> Result<(), StoreError> {
        let how = self.there(Call::Operate).await?;
        self.inner.suppress(suppressions.clone()).await?;
        for suppression in &suppressions {
            self.write(Seen::Suppressed(listed(suppression)));
        }
        self.back(how).await
    }

    async fn unsuppress(&self, which: Unsuppress) -> Result<bool, StoreError> {
        let how = self.there(Call::Operate).await?;
        let was = self.inner.unsuppress(which.clone()).await?;
        self.write(Seen::Unsuppressed(Listed {
            tenant: which.tenant.unwrap_or_default(),
            channel: which.channel,
            address: which.address,
        }));
        self.back(how).await?;
        Ok(was)
    }

    async fn purge(&self, retention: &Retention) -> Result<u64, StoreError> {
        let how = self.there(Call::Operate).await?;
        let mut gone = ends(&self.inner).await?;
        let purged = self.inner.purge(retention).await?;
        let left: BTreeSet<DeliveryId> = ends(&self.inner)
            .await?
            .into_iter()
            .map(|end| end.delivery)
            .collect();
        gone.retain(|end| !left.contains(&end.delivery));
        if !gone.is_empty() {
            let events: BTreeSet<EventId> = gone.iter().map(|end| end.event).collect();
            self.world.journal.forget(&events);
            self.write(Seen::Purged {
                events: events.into_iter().collect(),
                deliveries: gone.iter().map(|end| end.delivery).collect(),
            });
            self.world.add_purged(gone);
        }
        self.back(how).await?;
        Ok(purged)
    }
}
