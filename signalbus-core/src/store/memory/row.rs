use std::sync::Arc;

use bytes::Bytes;

use crate::{
    clock::Timestamp,
    event::Order,
    id::DeliveryId,
    name::{ChannelName, ProviderName, TenantId},
    store::{
        AddressHash, After, DeliveryRecord, EndState, Entry, Epoch, FOREVER, GatherKey, Group,
        HistoryEntry, LaneId, Position, Ready, Reason, ReceiptKind, State, StoredEvent,
    },
};

/// From this rung on a receipt shows that the message had been sent.
const EVIDENCE: u8 = 2;

/// Tenant, provider, and the provider's id of the statement.
pub(super) type ReceiptKey = (Option<TenantId>, ProviderName, String);

/// One delivery.
#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) id: DeliveryId,
    pub(super) event: Arc<StoredEvent>,
    pub(super) recipient: u32,
    /// Where it queues; none without a channel: such a row is born ended and stays so.
    pub(super) group: Option<Group>,
    pub(super) order_key: u64,
    pub(super) order: Order,
    pub(super) address: Option<AddressHash>,
    pub(super) sender: Option<Box<str>>,
    pub(super) category: Option<Box<str>>,
    pub(super) expires_at: Option<Timestamp>,
    pub(super) phase: Phase,
    /// When it became, or becomes, sendable.
    pub(super) due: Timestamp,
    pub(super) generation: u32,
    pub(super) attempt: u32,
    pub(super) tries: u32,
    pub(super) failures: u32,
    pub(super) suspicion: u32,
    pub(super) cancel_requested: bool,
    pub(super) rendering: Option<Bytes>,
    pub(super) memo: Option<Bytes>,
    /// Most have none of these.
    pub(super) special: Option<Box<Special>>,
    pub(super) provider: Option<ProviderName>,
    pub(super) provider_message_id: Option<String>,
    /// Most have none.
    pub(super) receipts: Option<Box<Receipted>>,
    pub(super) history: Vec<HistoryEntry>,
}

/// What few deliveries have.
#[derive(Debug, Clone, Default)]
pub(super) struct Special {
    pub(super) after: Option<After>,
    pub(super) gather: Option<GatherKey>,
    pub(super) watched: bool,
    /// When it began to wait for a time that counts from then.
    pub(super) waits_since: Option<Timestamp>,
}

/// What receipts said about a delivery.
#[derive(Debug, Clone, Default)]
pub(super) struct Receipted {
    /// The highest rung they reached in this generation, and what was said there.
    pub(super) highest: Option<(u8, ReceiptKind)>,
    pub(super) keys: Vec<ReceiptKey>,
}

/// Where a delivery is, and so which index has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Phase {
    /// In the timers of its lane.
    Scheduled,
    /// In the queues.
    Ready,
    /// In no index of its lane: among those that pauses hold.
    Held,
    /// In the claims of its lane.
    Sending(Hold),
    /// In no index, but that of the dead if it is dead.
    Ended {
        state: EndState,
        reason: Reason,
        at: Timestamp,
    },
}

/// A claim.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Hold {
    pub(super) epoch: Epoch,
    pub(super) claimed_at: Timestamp,
    pub(super) alone: bool,
}

impl Row {
    pub(super) fn tenant(&self) -> &TenantId {
        &self.event.tenant
    }

    pub(super) fn channel(&self) -> Option<&ChannelName> {
        self.group.as_ref().map(|group| &group.channel)
    }

    pub(super) fn lane(&self) -> Option<LaneId> {
        self.group.as_ref().map(|group| group.lane)
    }

    pub(super) fn state(&self) -> State {
        match self.phase {
            Phase::Scheduled | Phase::Ready => State::Waiting,
            Phase::Held => State::Held,
            Phase::Sending(_) => State::Sending,
            Phase::Ended { state, .. } => State::Ended(state),
        }
    }

    /// Why it ended.
    pub(super) fn reason(&self) -> Option<&Reason> {
        match &self.phase {
            Phase::Ended { reason, .. } => Some(reason),
            _ => None,
        }
    }

    /// The rung of the ladder it stands on.
    pub(super) fn rank(&self) -> u8 {
        self.highest().map_or(0, |(rank, _)| *rank)
    }

    /// Whether receipts show that this generation had been sent.
    pub(super) fn has_evidence(&self) -> bool {
        self.rank() >= EVIDENCE
    }

    /// What it waits for, if that is another delivery.
    pub(super) fn after(&self) -> Option<After> {
        self.special.as_ref()?.after
    }

    pub(super) fn waits_since(&self) -> Option<Timestamp> {
        self.special.as_ref()?.waits_since
    }

    fn highest(&self) -> Option<&(u8, ReceiptKind)> {
        self.receipts.as_ref()?.highest.as_ref()
    }

    pub(super) fn highest_receipt(&self) -> Option<&ReceiptKind> {
        self.highest().map(|(_, kind)| kind)
    }

    pub(super) fn note(&mut self, at: Timestamp, entry: Entry) {
        if self.history.is_empty() {
            // Most deliveries have one entry for ever.
            self.history.reserve_exact(1);
        }
        self.history.push(HistoryEntry { at, entry });
    }

    /// Whether its time has come. What was to be sent at once is due since it was accepted,
    /// also when the wall clock has gone back since: it keeps its place in the order.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.due <= now
            || (self.due == self.event.accepted_at && self.attempt == 0 && self.generation == 0)
    }

    /// Whether it has a place in the order of its key.
    pub(super) fn is_ordered(&self) -> bool {
        self.order != Order::Unordered
    }

    /// What the engine needs to schedule it; none without a channel.
    pub(super) fn ready(&self, position: Position) -> Option<Ready> {
        let group = self.group.as_ref()?;
        Some(Ready {
            position,
            id: self.id,
            event: self.event.id,
            tenant: group.tenant.clone(),
            channel: group.channel.clone(),
            class: self.event.class,
            lane: group.lane,
            order_key: self.order_key,
            order: self.order,
            generation: self.generation,
            attempt: self.attempt,
            tries: self.tries,
            failures: self.failures,
            suspicion: self.suspicion,
            since: self.due,
            accepted_at: self.event.accepted_at,
            expires_at: self.expires_at,
            pool: group.pool.clone(),
            memo: self.memo.clone(),
        })
    }

    /// What an operator sees.
    pub(super) fn record(&self, position: Position) -> DeliveryRecord {
        let ended_at = match self.phase {
            Phase::Ended { at, .. } => Some(at),
            _ => None,
        };
        let state = self.state();
        DeliveryRecord {
            position,
            id: self.id,
            event: self.event.id,
            tenant: self.tenant().clone(),
            topic: self.event.topic.clone(),
            recipient: self.recipient,
            channel: self.channel().cloned(),
            state,
            reason: self.reason().cloned(),
            generation: self.generation,
            attempt: self.attempt,
            tries: self.tries,
            due: (state == State::Waiting && self.due < FOREVER).then_some(self.due),
            expires_at: self.expires_at,
            accepted_at: self.event.accepted_at,
            ended_at,
            provider: self.provider.clone(),
            provider_message_id: self.provider_message_id.clone(),
            receipt: self.highest_receipt().cloned(),
            pool: self.group.as_ref().and_then(|group| group.pool.clone()),
            after: self.after().map(|after| after.sibling),
            gather: self.special.as_ref().and_then(|special| special.gather),
            watched: self.special.as_ref().is_some_and(|special| special.watched),
        }
    }
}
