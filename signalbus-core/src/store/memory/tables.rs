use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Arc,
};

use bytes::Bytes;

use super::{
    ids::Ids,
    lanes::Lanes,
    order::Chains,
    queues::Queues,
    receipt_index::Receipts,
    row::{Phase, Row},
    siblings::Siblings,
    slab::Slab,
    suppress::Suppressions,
};
use crate::{
    clock::Timestamp,
    event::Attachment,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
    store::{
        Counters, EndState, Entry, Fingerprint, Pause, Position, Reason, StoredEvent,
        StoredRecipient,
    },
};

/// Everything the store keeps. Events have numbers, deliveries positions. Hash maps are only looked into, never iterated: the same calls
/// give the same answers in the same order.
#[derive(Debug, Clone)]
pub(super) struct Tables {
    pub(super) rows: Slab<Box<Row>>,
    pub(super) ids: Ids<Position>,
    pub(super) events: Slab<EventRow>,
    pub(super) event_ids: Ids<i64>,
    pub(super) keys: BTreeMap<TenantId, HashMap<[u8; 32], Keyed>>,
    pub(super) bus: BTreeMap<BusKey, u64>,
    pub(super) lane_count: u16,
    pub(super) lanes: Lanes,
    pub(super) queues: Queues,
    /// Ordered deliveries that have not ended.
    pub(super) open: Chains,
    /// Ordered deliveries that are dead: they block what is ordered strictly and blocking.
    pub(super) dead: Chains,
    /// Every channel that ever had a delivery.
    pub(super) channels: Vec<ChannelName>,
    pub(super) suppressions: Suppressions,
    pub(super) receipts: Receipts,
    pub(super) siblings: Siblings,
    pub(super) pauses: Vec<Pause>,
    /// What they hold.
    pub(super) held: BTreeSet<Position>,
    pub(super) counters: Counters,
    /// The latest time there was: the wall clock may go back behind it.
    pub(super) latest: Timestamp,
}

/// One event; its deliveries have consecutive positions.
#[derive(Debug, Clone)]
pub(super) struct EventRow {
    pub(super) stored: Arc<StoredEvent>,
    pub(super) parent: Option<EventId>,
    /// Its idempotency key, hashed.
    pub(super) key: Option<[u8; 32]>,
    pub(super) recipients: Vec<StoredRecipient>,
    pub(super) secret: Option<Bytes>,
    pub(super) files: Vec<Attachment>,
    pub(super) first: i64,
    /// The position behind the last.
    pub(super) end: i64,
}

/// What an idempotency key stands for.
#[derive(Debug, Clone)]
pub(super) struct Keyed {
    pub(super) event: i64,
    pub(super) fingerprint: Fingerprint,
}

/// Bus, group, topic and partition.
pub(super) type BusKey = (String, String, String, u32);

impl Tables {
    pub(super) fn new(lanes: u16) -> Self {
        Self {
            rows: Slab::new(),
            ids: Ids::new(),
            events: Slab::new(),
            event_ids: Ids::new(),
            keys: BTreeMap::new(),
            bus: BTreeMap::new(),
            lane_count: lanes,
            lanes: Lanes::new(lanes),
            queues: Queues::default(),
            open: Chains::default(),
            dead: Chains::default(),
            channels: Vec::new(),
            suppressions: Suppressions::default(),
            receipts: Receipts::default(),
            siblings: Siblings::default(),
            pauses: Vec::new(),
            held: BTreeSet::new(),
            counters: Counters::new(),
            latest: Timestamp::MIN,
        }
    }

    /// The event with this id, if it is this tenant's.
    pub(super) fn event_of(&self, tenant: &TenantId, id: EventId) -> Option<&EventRow> {
        self.events
            .get(self.event_ids.get(id.as_uuid())?)
            .filter(|event| event.stored.tenant == *tenant)
    }

    /// The place of the delivery with this id, if it is this tenant's.
    pub(super) fn position_of(&self, tenant: &TenantId, id: DeliveryId) -> Option<Position> {
        let position = self.ids.get(id.as_uuid())?;
        let row = self.rows.get(position.0)?;
        (row.tenant() == tenant).then_some(position)
    }

    /// Puts a delivery that waits where it belongs: into the queues or the timers.
    pub(super) fn enqueue(&mut self, position: Position, now: Timestamp) {
        let Some(row) = self.rows.get_mut(position.0) else {
            return;
        };
        let Some(group) = &mut row.group else { return };
        group.retry = row.tries > 0;
        if row.due <= now {
            row.phase = Phase::Ready;
            self.queues.insert(row.event.class, group, position);
        } else {
            row.phase = Phase::Scheduled;
            let lane = self.lanes.at(group.lane);
            lane.timers.insert((row.due, position));
        }
    }

    /// Takes a delivery out of the index its phase names.
    pub(super) fn dequeue(&mut self, position: Position) {
        let Some(row) = self.rows.get(position.0) else {
            return;
        };
        let Some(group) = &row.group else { return };
        match row.phase {
            Phase::Ready => self.queues.remove(row.event.class, group, position),
            Phase::Scheduled => {
                let lane = self.lanes.at(group.lane);
                lane.timers.remove(&(row.due, position));
            }
            Phase::Sending(_) => {
                let lane = self.lanes.at(group.lane);
                if !lane.claimed.remove(&position) {
                    lane.interrupted.remove(&position);
                }
            }
            Phase::Held => {
                self.held.remove(&position);
            }
            Phase::Ended { .. } => self.dead.remove(row.order_key, position),
        }
    }

    /// From now on a delivery keeps later ones of its key waiting.
    pub(super) fn open(&mut self, position: Position) {
        if let Some(row) = self.rows.get(position.0).filter(|row| row.is_ordered()) {
            self.open.insert(row.order_key, position);
        }
    }

    /// Ends a delivery that has not ended.
    pub(super) fn end(
        &mut self,
        position: Position,
        state: EndState,
        reason: Reason,
        now: Timestamp,
    ) {
        self.dequeue(position);
        let Some(row) = self.rows.get_mut(position.0) else {
            return;
        };
        self.open.remove(row.order_key, position);
        if state == EndState::Dead && row.is_ordered() {
            self.dead.insert(row.order_key, position);
        }
        if state == EndState::Accepted {
            row.rendering = None;
        }
        row.phase = Phase::Ended {
            state,
            reason,
            at: now,
        };
        let number = row.number;
        self.siblings.forget(row, position);
        self.siblings.moved(position);
        self.forget_secret(number);
    }

    /// A secret lasts as long as there is something to send.
    fn forget_secret(&mut self, number: i64) {
        let Some(event) = self.events.get(number) else {
            return;
        };
        if event.secret.is_none() {
            return;
        }
        let ended = |position: Position| {
            let row = self.rows.get(position.0);
            row.is_none_or(|row| matches!(row.phase, Phase::Ended { .. }))
        };
        if event.positions().all(ended)
            && let Some(event) = self.events.get_mut(number)
        {
            event.secret = None;
        }
    }

    /// Ends a delivery and writes into its history that there was no try.
    pub(super) fn end_untried(
        &mut self,
        position: Position,
        state: EndState,
        reason: Reason,
        detail: Option<String>,
        now: Timestamp,
    ) {
        self.end(position, state, reason.clone(), now);
        if let Some(row) = self.rows.get_mut(position.0) {
            row.note(
                now,
                Entry::Ended {
                    state,
                    reason,
                    detail,
                },
            );
        }
    }
}
