//! What a store has to do, as simple as it can be said: lists that are walked through. Written
//! from the contract of [`Store`](signalbus_core::Store), not from any store.

mod accept;
mod erase;
mod flush;
mod lanes;
mod operate;
mod receipts;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use signalbus_core::{
    DeliveryId, EventId, Order, ProviderName, TenantId, Timestamp, Topic,
    clock::{later, until},
    event::Class,
    id::WorkerId,
    store::{
        After, CounterKey, DeliveryRecord, EndState, Entry, Epoch, FOREVER, Group, HistoryEntry,
        LaneId, LaneLease, NewDelivery, NewEvent, Paused, Position, Ready, Reason, Receipt,
        ReceiptEffect, ReceiptKind, Settle, SettleAnswer, SpaceId, State, StoredEvent, Suppression,
        Verdict,
    },
};

/// The reference.
#[derive(Debug)]
pub(super) struct Reference {
    /// The store's time; set before each call.
    pub(super) now: Timestamp,
    pub(super) monotonic: Duration,
    /// The wall clock went back at some time.
    pub(super) rewound: bool,
    /// Of each channel.
    count: u16,
    lanes: BTreeMap<LaneId, Lane>,
    wanting: Vec<(WorkerId, Duration, Vec<SpaceId>)>,
    events: Vec<Event>,
    /// In the order of acceptance.
    pub(super) deliveries: Vec<Delivery>,
    suppressed: Vec<Suppression>,
    receipts: Vec<Noted>,
    bus: BTreeMap<(String, String, String, u32), u64>,
    /// With their reasons, oldest first.
    pauses: Vec<(Paused, String)>,
    /// Used up how far, and until when.
    counters: BTreeMap<CounterKey, (u64, Timestamp)>,
    /// Whether results or receipts are being written, and of what something became meanwhile.
    together: bool,
    moved: Vec<DeliveryId>,
    settled: Vec<DeliveryId>,
}

#[derive(Debug, Default)]
pub(super) struct Lane {
    pub(super) epoch: Epoch,
    pub(super) owner: Option<WorkerId>,
    pub(super) until: Duration,
}

#[derive(Debug)]
struct Event {
    /// Without its secret once it has ended.
    new: NewEvent,
    accepted_at: Timestamp,
    /// The places of recipients that were erased.
    erased: BTreeSet<usize>,
}

impl Event {
    fn all_erased(&self) -> bool {
        let all = self.new.recipients.len();
        all > 0 && self.erased.len() == all
    }
}

/// A receipt that was recorded, and for which delivery; none while it is parked.
#[derive(Debug)]
struct Noted {
    receipt: Receipt,
    at: Timestamp,
    delivery: Option<DeliveryId>,
}

#[derive(Debug)]
pub(super) struct Delivery {
    pub(super) id: DeliveryId,
    pub(super) event: EventId,
    pub(super) tenant: TenantId,
    pub(super) topic: Topic,
    pub(super) class: Class,
    pub(super) lane: LaneId,
    pub(super) new: NewDelivery,
    accepted_at: Timestamp,
    /// Learned from the store.
    pub(super) position: Option<Position>,
    pub(super) place: Place,
    pub(super) due: Timestamp,
    expires_at: Option<Timestamp>,
    pub(super) generation: u32,
    pub(super) attempt: u32,
    tries: u32,
    failures: u32,
    suspicion: u32,
    called_off: bool,
    rendering: Option<bytes::Bytes>,
    memo: Option<bytes::Bytes>,
    after: Option<After>,
    waits_since: Option<Timestamp>,
    provider: Option<ProviderName>,
    message: Option<String>,
    receipt: Option<ReceiptKind>,
    pub(super) history: Vec<HistoryEntry>,
}

/// Where a delivery is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Place {
    Waiting,
    Held,
    Sending {
        epoch: Epoch,
        claimed_at: Timestamp,
        alone: bool,
    },
    Ended {
        state: EndState,
        reason: Reason,
        at: Timestamp,
    },
}

impl Reference {
    pub(super) fn new(lanes: u16, now: Timestamp) -> Self {
        Self {
            now,
            monotonic: Duration::ZERO,
            rewound: false,
            count: lanes,
            lanes: BTreeMap::new(),
            wanting: Vec::new(),
            events: Vec::new(),
            deliveries: Vec::new(),
            suppressed: Vec::new(),
            receipts: Vec::new(),
            bus: BTreeMap::new(),
            pauses: Vec::new(),
            counters: BTreeMap::new(),
            together: false,
            moved: Vec::new(),
            settled: Vec::new(),
        }
    }

    /// The wall clock went back to now: what began to wait later waits as long again.
    pub(super) fn rewind(&mut self) {
        let now = self.now;
        for delivery in &mut self.deliveries {
            let waits = matches!(delivery.place, Place::Waiting | Place::Held);
            if let Some(since) = delivery.waits_since.filter(|since| waits && *since > now) {
                delivery.due = later(now, until(since, delivery.due));
                delivery.waits_since = Some(now);
            }
        }
    }

    /// The results of a flush are written together; what is settled beside its sibling is left to its
    /// next claim.
    pub(super) fn settle_all(
        &mut self,
        leases: &[LaneLease],
        settles: &[Settle],
    ) -> Vec<SettleAnswer> {
        self.together = true;
        let mut answers = Vec::with_capacity(settles.len());
        for settle in settles {
            answers.push(self.settle(leases, settle));
        }
        self.settled = settles.iter().map(|settle| settle.id).collect();
        self.decide_together();
        self.settled.clear();
        answers
    }

    /// All receipts of a batch stand before anything is decided of those that wait.
    pub(super) fn record_receipts(&mut self, receipts: &[Receipt]) -> Vec<ReceiptEffect> {
        self.together = true;
        let mut effects = Vec::with_capacity(receipts.len());
        for receipt in receipts {
            effects.push(self.record_receipt(receipt));
        }
        self.decide_together();
        effects
    }

    fn decide_together(&mut self) {
        self.together = false;
        let moved = std::mem::take(&mut self.moved);
        self.decide(moved);
    }

    /// Something became of these: ends or releases those that wait for them, and so on.
    fn decide(&mut self, moved: Vec<DeliveryId>) {
        if self.together {
            self.moved.extend(moved);
            return;
        }
        let (now, mut moved) = (self.now, moved);
        while let Some(id) = moved.pop() {
            let Some(sibling) = self.find(id) else {
                continue;
            };
            let (state, reason, rank) = sibling.standing();
            let tenant = sibling.tenant.clone();
            for delivery in &mut self.deliveries {
                let open = matches!(delivery.place, Place::Waiting | Place::Held);
                let open = open && !self.settled.contains(&delivery.id);
                let Some(after) = delivery
                    .after
                    .filter(|after| open && after.sibling == id && delivery.tenant == tenant)
                else {
                    continue;
                };
                match after.verdict(state, reason.as_ref(), rank) {
                    Verdict::Send if delivery.attempt == 0 => delivery.due = delivery.due.min(now),
                    Verdict::NotNeeded => {
                        let (state, reason) = (EndState::NotNeeded, Reason::Reached);
                        delivery.finish_untried(now, state, reason, None);
                        moved.push(delivery.id);
                    }
                    _ => {}
                }
            }
        }
    }

    pub(super) fn find(&self, id: DeliveryId) -> Option<&Delivery> {
        self.deliveries.iter().find(|delivery| delivery.id == id)
    }

    fn find_mut(&mut self, id: DeliveryId) -> Option<&mut Delivery> {
        self.deliveries
            .iter_mut()
            .find(|delivery| delivery.id == id)
    }

    /// The current epoch of a lane.
    pub(super) fn epoch(&self, lane: LaneId) -> Epoch {
        self.lanes.get(&lane).map_or(Epoch(0), |lane| lane.epoch)
    }

    /// The lanes of these leases that are still owned under the same epoch.
    pub(super) fn owned(&self, leases: &[LaneLease]) -> Vec<LaneId> {
        leases
            .iter()
            .filter(|lease| {
                self.lanes
                    .get(&lease.lane)
                    .is_some_and(|lane| lane.epoch == lease.epoch && lane.owner.is_some())
            })
            .map(|lease| lease.lane)
            .collect()
    }

    /// Those that have a place before this one in the order of its key.
    pub(super) fn earlier<'a>(
        &'a self,
        delivery: &'a Delivery,
    ) -> impl Iterator<Item = &'a Delivery> {
        self.deliveries
            .iter()
            .take_while(|other| other.id != delivery.id)
            .filter(|other| {
                other.tenant == delivery.tenant
                    && other.new.order_key == delivery.new.order_key
                    && other.new.order != Order::Unordered
            })
    }

    /// Whether a dead one blocks this one.
    pub(super) fn is_blocked(&self, delivery: &Delivery) -> bool {
        delivery.new.order == Order::StrictBlocking
            && self
                .earlier(delivery)
                .any(|other| other.end() == Some(EndState::Dead))
    }

    /// The earlier ones that this one waits for.
    pub(super) fn heads<'a>(&'a self, delivery: &'a Delivery) -> Vec<&'a Delivery> {
        if !delivery.new.order.is_strict() {
            return Vec::new();
        }
        self.earlier(delivery)
            .filter(|other| other.end().is_none())
            .collect()
    }

    /// Whether the order keeps it waiting.
    pub(super) fn is_held_back(&self, delivery: &Delivery) -> bool {
        self.is_blocked(delivery) || !self.heads(delivery).is_empty()
    }

    /// Whether its time has come. What was to be sent at once stays due when the clock goes back.
    pub(super) fn is_due(&self, delivery: &Delivery) -> bool {
        let at_once = delivery.due == delivery.accepted_at
            && delivery.attempt == 0
            && delivery.generation == 0;
        delivery.place == Place::Waiting && (delivery.due <= self.now || at_once)
    }

    pub(super) fn stored(&self, id: EventId) -> Option<StoredEvent> {
        self.events
            .iter()
            .find(|event| event.new.id == id)
            .map(|event| StoredEvent {
                id,
                tenant: event.new.tenant.clone(),
                topic: event.new.topic.clone(),
                class: event.new.class,
                accepted_at: event.accepted_at,
                content: if event.all_erased() {
                    bytes::Bytes::new()
                } else {
                    event.new.content.clone()
                },
            })
    }

    /// A secret lasts as long as something of its event is open. After each call: what ends and is
    /// begun anew in one call has not ended.
    pub(super) fn forget_secrets(&mut self) {
        for event in &mut self.events {
            let mut of = self
                .deliveries
                .iter()
                .filter(|one| one.event == event.new.id);
            if of.all(|delivery| delivery.end().is_some()) {
                event.new.secret = None;
            }
        }
    }

    /// The positions of groups of bus consumers, as they should be.
    pub(super) fn bus_positions(&self) -> &BTreeMap<(String, String, String, u32), u64> {
        &self.bus
    }

    fn after(&self, wait: Duration) -> Timestamp {
        later(self.now, wait)
    }
}

impl Delivery {
    pub(super) fn end(&self) -> Option<EndState> {
        match self.place {
            Place::Ended { state, .. } => Some(state),
            _ => None,
        }
    }

    /// A redrive would end as it did.
    pub(super) fn has_no_address(&self) -> bool {
        matches!(
            self.place,
            Place::Ended {
                reason: Reason::InvalidAddress,
                ..
            }
        )
    }

    /// As those see it that wait for it.
    fn standing(&self) -> (State, Option<Reason>, u8) {
        let rank = self.receipt.as_ref().map_or(0, ReceiptKind::rank);
        match &self.place {
            Place::Waiting => (State::Waiting, None, rank),
            Place::Held => (State::Held, None, rank),
            Place::Sending { .. } => (State::Sending, None, rank),
            Place::Ended { state, reason, .. } => {
                (State::Ended(*state), Some(reason.clone()), rank)
            }
        }
    }

    fn note(&mut self, at: Timestamp, entry: Entry) {
        self.history.push(HistoryEntry { at, entry });
    }

    fn finish(&mut self, at: Timestamp, state: EndState, reason: Reason) {
        if state == EndState::Accepted {
            self.rendering = None;
        }
        self.place = Place::Ended { state, reason, at };
    }

    /// Ends without a try, which the history says.
    fn finish_untried(
        &mut self,
        at: Timestamp,
        state: EndState,
        reason: Reason,
        detail: Option<String>,
    ) {
        self.finish(at, state, reason.clone());
        self.note(
            at,
            Entry::Ended {
                state,
                reason,
                detail,
            },
        );
    }

    pub(super) fn group(&self) -> Option<Group> {
        Some(Group {
            tenant: self.tenant.clone(),
            channel: self.new.channel.clone()?,
            pool: self.new.pool.clone(),
            retry: self.tries > 0,
            lane: self.lane,
        })
    }

    pub(super) fn ready(&self) -> Option<Ready> {
        let mut made = Ready::new(
            (self.position?, self.id),
            self.event,
            self.tenant.clone(),
            self.new.channel.clone()?,
            self.class,
            self.lane,
            self.due,
        );
        made.order_key = self.new.order_key;
        made.order = self.new.order;
        made.generation = self.generation;
        made.attempt = self.attempt;
        made.tries = self.tries;
        made.pool = self.new.pool.clone();
        made.failures = self.failures;
        made.suspicion = self.suspicion;
        made.accepted_at = self.accepted_at;
        made.expires_at = self.expires_at;
        made.memo = self.memo.clone();
        Some(made)
    }

    pub(super) fn record(&self) -> Option<DeliveryRecord> {
        let (state, reason, ended_at) = match &self.place {
            Place::Waiting => (State::Waiting, None, None),
            Place::Held => (State::Held, None, None),
            Place::Sending { .. } => (State::Sending, None, None),
            Place::Ended { state, reason, at } => {
                (State::Ended(*state), Some(reason.clone()), Some(*at))
            }
        };
        let mut made = DeliveryRecord::new(
            (self.position?, self.id),
            self.event,
            self.tenant.clone(),
            self.topic.clone(),
            self.accepted_at,
        );
        made.recipient = self.new.recipient;
        made.channel = self.new.channel.clone();
        made.state = state;
        made.reason = reason;
        made.generation = self.generation;
        made.attempt = self.attempt;
        made.tries = self.tries;
        made.pool = self.new.pool.clone();
        made.due = (state == State::Waiting && self.due < FOREVER).then_some(self.due);
        made.expires_at = self.expires_at;
        made.ended_at = ended_at;
        made.provider = self.provider.clone();
        made.provider_message_id = self.message.clone();
        made.receipt = self.receipt.clone();
        made.after = self.after.map(|after| after.sibling);
        made.gather = self.new.gather;
        made.watched = self.new.watched;
        Some(made)
    }
}
