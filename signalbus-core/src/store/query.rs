use serde::Serialize;

use super::{
    AddressHash, EndState, GatherKey, Position, Reason, ReceiptKind, RecipientKey, State,
    StoredEvent, StoredRecipient,
};
use crate::{
    clock::Timestamp,
    id::{DeliveryId, EventId},
    name::{ChannelName, PoolName, ProviderName, TenantId, Topic},
};

/// A delivery as an operator sees it.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct DeliveryRecord {
    /// Its place.
    #[serde(skip)]
    pub position: Position,
    /// Its id.
    pub id: DeliveryId,
    /// Its event.
    pub event: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// What its event is about.
    pub topic: Topic,
    /// The place of its recipient in the event.
    pub recipient: u32,
    /// Its channel; none when there was no route.
    pub channel: Option<ChannelName>,
    /// Where it is.
    pub state: State,
    /// Why it ended.
    pub reason: Option<Reason>,
    /// Counts redrives.
    pub generation: u32,
    /// The last attempt of this generation.
    pub attempt: u32,
    /// How many sends this generation has begun.
    pub tries: u32,
    /// When it becomes sendable, if it waits.
    pub due: Option<Timestamp>,
    /// When it is worth nothing any more.
    pub expires_at: Option<Timestamp>,
    /// When its event was accepted.
    pub accepted_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Who took it.
    pub provider: Option<ProviderName>,
    /// The provider's id of the message.
    pub provider_message_id: Option<String>,
    /// The highest rung its receipts reached.
    pub receipt: Option<ReceiptKind>,
    /// Which lineup of its channel sends it.
    pub pool: Option<PoolName>,
    /// The delivery of its event that it waits, or waited, for.
    pub after: Option<DeliveryId>,
    /// What it may be gathered under.
    pub gather: Option<GatherKey>,
    /// Whether somebody wants to hear of its end.
    pub watched: bool,
}

impl DeliveryRecord {
    /// A delivery that waits since it was accepted, of which nothing else is known.
    #[must_use]
    pub fn new(
        (position, id): (Position, DeliveryId),
        event: EventId,
        tenant: TenantId,
        topic: Topic,
        accepted_at: Timestamp,
    ) -> Self {
        Self {
            position,
            id,
            event,
            tenant,
            topic,
            recipient: 0,
            channel: None,
            state: State::Waiting,
            reason: None,
            generation: 0,
            attempt: 0,
            tries: 0,
            due: Some(accepted_at),
            expires_at: None,
            accepted_at,
            ended_at: None,
            provider: None,
            provider_message_id: None,
            receipt: None,
            pool: None,
            after: None,
            gather: None,
            watched: false,
        }
    }
}

/// An event with its deliveries.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct EventRecord {
    /// The event; without its files and its secret.
    pub event: StoredEvent,
    /// The event that it follows from.
    pub parent: Option<EventId>,
    /// Its recipients, by their place.
    pub recipients: Vec<StoredRecipient>,
    /// Its deliveries, in the order of their positions.
    pub deliveries: Vec<DeliveryRecord>,
}

impl EventRecord {
    /// An event that follows from no other.
    #[must_use]
    pub fn new(
        event: StoredEvent,
        recipients: Vec<StoredRecipient>,
        deliveries: Vec<DeliveryRecord>,
    ) -> Self {
        Self {
            event,
            parent: None,
            recipients,
            deliveries,
        }
    }
}

/// Which deliveries. An empty filter matches all.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct DeliveryFilter {
    /// Of this tenant.
    pub tenant: Option<TenantId>,
    /// Of this event.
    pub event: Option<EventId>,
    /// Of this topic.
    pub topic: Option<Topic>,
    /// On this channel.
    pub channel: Option<ChannelName>,
    /// In this state.
    pub state: Option<State>,
    /// Ended for this reason.
    pub reason: Option<Reason>,
    /// To this recipient; where the event gave no id of theirs, the key is that of their first
    /// address.
    pub recipient: Option<RecipientKey>,
    /// To this address.
    pub address: Option<AddressHash>,
    /// Taken by this provider.
    pub provider: Option<ProviderName>,
    /// That the provider calls this.
    pub message_id: Option<String>,
    /// Accepted at or after.
    pub accepted_from: Option<Timestamp>,
    /// Accepted before.
    pub accepted_before: Option<Timestamp>,
}

impl DeliveryFilter {
    /// Matches all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Only of this tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantId) -> Self {
        self.tenant = Some(tenant);
        self
    }

    /// Only of this event.
    #[must_use]
    pub fn event(mut self, event: EventId) -> Self {
        self.event = Some(event);
        self
    }

    /// Only of this topic.
    #[must_use]
    pub fn topic(mut self, topic: Topic) -> Self {
        self.topic = Some(topic);
        self
    }

    /// Only on this channel.
    #[must_use]
    pub fn channel(mut self, channel: ChannelName) -> Self {
        self.channel = Some(channel);
        self
    }

    /// Only in this state.
    #[must_use]
    pub fn state(mut self, state: State) -> Self {
        self.state = Some(state);
        self
    }

    /// Only those that are dead.
    #[must_use]
    pub fn dead(self) -> Self {
        self.state(State::Ended(EndState::Dead))
    }

    /// Only ended for this reason.
    #[must_use]
    pub fn reason(mut self, reason: Reason) -> Self {
        self.reason = Some(reason);
        self
    }

    /// Only to this recipient.
    #[must_use]
    pub fn recipient(mut self, key: RecipientKey) -> Self {
        self.recipient = Some(key);
        self
    }

    /// Only to this address.
    #[must_use]
    pub fn address(mut self, address: AddressHash) -> Self {
        self.address = Some(address);
        self
    }

    /// Only taken by this provider.
    #[must_use]
    pub fn provider(mut self, provider: ProviderName) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Only those that the provider calls this.
    #[must_use]
    pub fn message_id(mut self, id: impl Into<String>) -> Self {
        self.message_id = Some(id.into());
        self
    }

    /// Only accepted at or after this time.
    #[must_use]
    pub fn accepted_from(mut self, from: Timestamp) -> Self {
        self.accepted_from = Some(from);
        self
    }

    /// Only accepted before this time.
    #[must_use]
    pub fn accepted_before(mut self, before: Timestamp) -> Self {
        self.accepted_before = Some(before);
        self
    }
}

/// How many deliveries of one kind there are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Whose.
    pub tenant: TenantId,
    /// On which channel.
    pub channel: Option<ChannelName>,
    /// Where they are.
    pub state: State,
    /// Why they ended.
    pub reason: Option<Reason>,
    /// How many.
    pub count: u64,
    /// When the oldest of them became sendable (if they wait) or was accepted.
    pub oldest: Option<Timestamp>,
}
