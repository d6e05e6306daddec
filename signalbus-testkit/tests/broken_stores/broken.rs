use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use signalbus::{
    ChannelName, Class, DeliveryId, EventId, Order, Store, TenantId,
    id::WorkerId,
    store::{
        Acceptance, BusAdvance, Cancel, CancelAnswer, CancelTarget, Cancelled, ClaimAnswer,
        DeliveryRecord, Effect, EndState, Erase, Erased, Fetched, Flush, Flushed, LaneHolding,
        LaneLease, LaneRequest, MemoryStore, NewEvent, Next, Position, Receipt, ReceiptEffect,
        Redrive, Redriven, Retention, SettleAnswer, Space, State, StoreError, Window,
    },
};
use signalbus_testkit::StoreLayer;

/// What a store does wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    LosesTheSecond,
    LosesFiles,
    LosesKeys,
    MovesStalePositions,
    TakesRunningLanes,
    TakesLanesOfOthers,
    HidesTheUnserved,
    IgnoresTheWindow,
    KeepsACursor,
    IgnoresStrictOrder,
    AnswersBackwards,
    ForgetsExpiry,
    SuppressesTwice,
    AppliesTwice,
    RetriesAtOnce,
    LosesRenderings,
    IgnoresEpochs,
    HidesInterrupted,
    ForgetsInFlightCancels,
    LetsBothRedrivesWin,
    CountsReceiptsTwice,
    ForgetsTenants,
    PurgesTooMuch,
    PurgesByTheShortest,
    LosesRecipients,
    KeepsSecrets,
    HidesTheSizeOfFiles,
    ErasesByKeyAlone,
    ErasesOneOnly,
}

/// An honest store behind somebody who makes one mistake.
#[derive(Debug, Clone)]
pub(crate) struct Broken {
    honest: MemoryStore,
    fault: Option<Fault>,
    memory: Arc<Mutex<Memory>>,
}

/// What is needed to make the mistake.
#[derive(Debug, Default)]
struct Memory {
    tenants: BTreeMap<DeliveryId, TenantId>,
    leases: Vec<LaneLease>,
    worker: Option<WorkerId>,
    cursor: Option<Position>,
    receipts: u64,
    secrets: BTreeMap<EventId, Vec<u8>>,
}

impl Broken {
    pub(crate) fn new(honest: MemoryStore, fault: Option<Fault>) -> Self {
        Self {
            honest,
            fault,
            memory: Arc::default(),
        }
    }

    fn does(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn remember<T>(&self, work: impl FnOnce(&mut Memory) -> T) -> T {
        work(&mut self.memory.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn spoil_event(&self, event: &mut NewEvent) {
        match self.fault {
            Some(Fault::LosesFiles) => event.attachments.clear(),
            Some(Fault::LosesRecipients) => event.recipients.clear(),
            Some(Fault::LosesKeys) => event.idempotency = None,
            Some(Fault::ForgetsExpiry) => {
                for delivery in &mut event.deliveries {
                    delivery.expires_at = None;
                }
            }
            Some(Fault::IgnoresStrictOrder) => {
                for delivery in &mut event.deliveries {
                    delivery.order = Order::Unordered;
                }
            }
            _ => {}
        }
    }

    /// Expects of each position what it finds.
    async fn find_positions(&self, advance: &mut [BusAdvance]) -> Result<(), StoreError> {
        for step in advance {
            let position = &step.position;
            let stand = self
                .honest
                .bus_positions(&position.bus, &position.group)
                .await?
                .into_iter()
                .find(|other| {
                    (&other.topic, other.partition) == (&position.topic, position.partition)
                });
            step.expected = stand.map_or(0, |stand| stand.next);
        }
        Ok(())
    }

    async fn suppress_at_once(&self, flush: &Flush) -> Result<(), StoreError> {
        let effects = flush.settles.iter().flat_map(|settle| &settle.effects);
        let suppressions = effects.filter_map(|effect| match effect {
            Effect::Suppress(suppression) => Some(suppression.clone()),
            _ => None,
        });
        self.honest.suppress(suppressions.collect()).await
    }
}

#[async_trait]
impl StoreLayer for Broken {
    fn inner(&self) -> &dyn Store {
        &self.honest
    }

    async fn accept(
        &self,
        mut events: Vec<NewEvent>,
        mut advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        for event in &mut events {
            self.remember(|memory| {
                let ids = event.deliveries.iter().map(|delivery| delivery.id);
                memory
                    .tenants
                    .extend(ids.map(|id| (id, event.tenant.clone())));
            });
            self.spoil_event(event);
            self.remember(|memory| {
                let secret = event.secret.as_ref();
                let secret = secret.map(|secret| (event.id, secret.to_vec()));
                memory.secrets.extend(secret);
            });
        }
        if self.does(Fault::MovesStalePositions) {
            self.find_positions(&mut advance).await?;
        }
        if self.does(Fault::LosesTheSecond) && events.len() > 1 {
            events.remove(1);
            let mut answers = self.honest.accept(events, advance).await?;
            answers.insert(1, Acceptance::Accepted);
            return Ok(answers);
        }
        self.honest.accept(events, advance).await
    }

    async fn hold_lanes(&self, mut request: LaneRequest) -> Result<LaneHolding, StoreError> {
        if self.does(Fault::TakesRunningLanes) {
            let first = request.worker;
            request.worker = self.remember(|memory| *memory.worker.get_or_insert(first));
        }
        if self.does(Fault::TakesLanesOfOthers) && !request.spaces.is_empty() {
            let all = ["email", "sms", "push"].map(|name| ChannelName::new(name).ok());
            request.spaces = all.iter().flatten().map(Space::send).collect();
        }
        let holding = self.honest.hold_lanes(request).await?;
        self.remember(|memory| memory.leases.clone_from(&holding.leases));
        Ok(holding)
    }

    async fn unserved(&self) -> Result<Vec<(ChannelName, u64)>, StoreError> {
        if self.does(Fault::HidesTheUnserved) {
            return Ok(Vec::new());
        }
        self.honest.unserved().await
    }

    async fn fetch(&self, lanes: &[LaneLease], mut window: Window) -> Result<Fetched, StoreError> {
        if self.does(Fault::IgnoresTheWindow) {
            window.per_group = u32::MAX;
        }
        let mut fetched = self.honest.fetch(lanes, window).await?;
        if self.does(Fault::HidesTheSizeOfFiles) {
            for ready in &mut fetched.ready {
                ready.bytes = 0;
            }
        }
        if self.does(Fault::HidesInterrupted) {
            fetched.interrupted.clear();
        }
        if self.does(Fault::KeepsACursor) {
            let passed = self.remember(|memory| {
                let passed = memory.cursor;
                let read = fetched.ready.iter().map(|ready| ready.position).max();
                memory.cursor = passed.max(read);
                passed
            });
            fetched.ready.retain(|ready| Some(ready.position) > passed);
        }
        Ok(fetched)
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        let newest = self.remember(|memory| memory.leases.clone());
        let lanes = if self.does(Fault::IgnoresEpochs) {
            &newest
        } else {
            lanes
        };
        if self.does(Fault::SuppressesTwice) {
            self.suppress_at_once(flush).await?;
        }
        let mut flush = flush.clone();
        for settle in &mut flush.settles {
            if self.does(Fault::LosesRenderings) {
                settle.rendering = None;
            }
            if self.does(Fault::RetriesAtOnce) && matches!(settle.next, Next::Retry(_)) {
                settle.next = Next::Retry(Duration::ZERO);
            }
        }
        let mut flushed = self.honest.flush(lanes, &flush).await?;
        if self.does(Fault::KeepsSecrets) {
            for answer in &mut flushed.claims {
                if let ClaimAnswer::Claimed(claimed) = answer {
                    let id = claimed.event.id;
                    let kept = self.remember(|memory| memory.secrets.get(&id).cloned());
                    claimed.secret = kept.map(Into::into);
                }
            }
        }
        if self.does(Fault::AnswersBackwards) {
            flushed.claims.reverse();
        }
        if self.does(Fault::AppliesTwice) {
            flushed.settles.fill(SettleAnswer::Applied);
        }
        Ok(flushed)
    }

    async fn record_receipts(
        &self,
        mut receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        if self.does(Fault::CountsReceiptsTwice) {
            for receipt in &mut receipts {
                let count = self.remember(|memory| {
                    memory.receipts += 1;
                    memory.receipts
                });
                receipt.id = format!("{}-{count}", receipt.id);
            }
        }
        self.honest.record_receipts(receipts).await
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        let mut redriven = self.honest.redrive(redrive).await?;
        if self.does(Fault::LetsBothRedrivesWin) {
            let lost = redriven.skipped.drain(..).map(|id| (id, 1));
            redriven.started.extend(lost);
        }
        Ok(redriven)
    }

    async fn cancel(
        &self,
        tenant: &TenantId,
        cancel: Cancel,
    ) -> Result<Vec<Cancelled>, StoreError> {
        if self.does(Fault::ForgetsInFlightCancels)
            && let CancelTarget::Delivery(id) = cancel.target
            && let Some(delivery) = self.honest.delivery(tenant, id).await?
            && delivery.state == State::Sending
        {
            let answer = CancelAnswer::InFlight;
            return Ok(vec![Cancelled { id, answer }]);
        }
        self.honest.cancel(tenant, cancel).await
    }

    async fn delivery(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError> {
        let owner = self.remember(|memory| memory.tenants.get(&id).cloned());
        match owner {
            Some(owner) if self.does(Fault::ForgetsTenants) => {
                self.honest.delivery(&owner, id).await
            }
            _ => self.honest.delivery(tenant, id).await,
        }
    }

    async fn erase(&self, erase: &Erase) -> Result<Erased, StoreError> {
        let mut erase = erase.clone();
        if self.does(Fault::ErasesByKeyAlone) {
            erase.addresses.clear();
        }
        if self.does(Fault::ErasesOneOnly) {
            erase.limit = 1;
            let erased = self.honest.erase(&erase).await?;
            return Ok(Erased {
                more: false,
                ..erased
            });
        }
        self.honest.erase(&erase).await
    }

    async fn purge(&self, retention: &Retention) -> Result<u64, StoreError> {
        if self.does(Fault::PurgesTooMuch) {
            let too_much = Retention::new(Duration::ZERO).limit(retention.most());
            return self.honest.purge(&too_much).await;
        }
        if self.does(Fault::PurgesByTheShortest) {
            let all = EndState::ALL.into_iter();
            let all = all.flat_map(|end| Class::ALL.map(|class| retention.keeps(end, class)));
            let shortest = Retention::new(all.min().unwrap_or_default());
            return self.honest.purge(&shortest.limit(retention.most())).await;
        }
        self.honest.purge(retention).await
    }
}
