use bytes::Bytes;

use super::LaneId;
use crate::{
    clock::Timestamp,
    event::{Class, Order},
    id::{DeliveryId, EventId},
    name::{ChannelName, PoolName, TenantId},
};

/// The place of a delivery in the order of acceptance. Opaque to the engine, which hands it back
/// with the id, so that stores find the row by whichever is cheaper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub i64);

/// How much [`Store::fetch`](super::Store::fetch) may return.
#[derive(Debug, Clone)]
pub struct Window {
    /// The classes to read, and how much of each.
    pub classes: Vec<ClassWindow>,
    /// At most this many deliveries of one [`Group`].
    pub per_group: u32,
    /// The channels this worker can send on now.
    pub channels: Vec<ChannelName>,
}

/// How much of one class to return.
#[derive(Debug, Clone)]
pub struct ClassWindow {
    /// The class.
    pub class: Class,
    /// At most this many deliveries in all.
    pub total: u32,
    /// Start with the group behind this one, and go round.
    pub after: Option<Group>,
    /// Leave out these: enough of them is in hand.
    pub skip: Vec<Account>,
}

/// Who sends: the channel, the tenant, and the pool of that tenant's providers, if it has several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Account {
    /// The channel.
    pub channel: ChannelName,
    /// Whose messages.
    pub tenant: TenantId,
    /// Which pool.
    pub pool: Option<PoolName>,
}

/// Deliveries that share a window.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Group {
    /// Whose they are.
    pub tenant: TenantId,
    /// Their channel.
    pub channel: ChannelName,
    /// Their pool.
    pub pool: Option<PoolName>,
    /// Whether they were tried before.
    pub retry: bool,
    /// Their lane.
    pub lane: LaneId,
}

/// How many claims that earlier owners left behind a fetch returns at most.
pub const MOST_INTERRUPTED: u32 = 1_000;

/// What a fetch found.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The store's time.
    pub now: Timestamp,
    /// Deliveries that may be sent now; lowest position first within each group.
    pub ready: Vec<Ready>,
    /// Claims that earlier owners of these lanes left behind, lowest positions first: at most
    /// [`MOST_INTERRUPTED`]. When these are settled, the next ones are found.
    pub interrupted: Vec<Interrupted>,
    /// Where a class was cut by its total: the last group that was read.
    pub resume: Vec<(Class, Group)>,
    /// When the next delivery of these lanes becomes due.
    pub next_due: Option<Timestamp>,
}

/// A delivery that may be sent now. Small: the content comes with the claim.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Ready {
    /// Its place.
    pub position: Position,
    /// Its id.
    pub id: DeliveryId,
    /// Its event.
    pub event: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its channel.
    pub channel: ChannelName,
    /// Its class.
    pub class: Class,
    /// Its lane.
    pub lane: LaneId,
    /// Deliveries with the same key are ordered among themselves.
    pub order_key: u64,
    /// How they are ordered.
    pub order: Order,
    /// Counts redrives.
    pub generation: u32,
    /// The last attempt of this generation; zero when there was none.
    pub attempt: u32,
    /// How many sends this generation has begun: what decides whether it is a retry. Less than
    /// `attempt` when it was claimed and put off.
    pub tries: u32,
    /// How many attempts count against the cap.
    pub failures: u32,
    /// How many crashes it is suspected of. What was in flight in two is tried alone.
    pub suspicion: u32,
    /// When it became sendable: when it was accepted, or due.
    pub since: Timestamp,
    /// When its event was accepted.
    pub accepted_at: Timestamp,
    /// When it is worth nothing any more.
    pub expires_at: Option<Timestamp>,
    /// The bytes of the files of its event, as they will be in memory when
    /// [`Store::files`](super::Store::files) is asked for them; zero without files.
    pub bytes: u64,
    /// Which lineup of its channel sends it.
    pub pool: Option<PoolName>,
    /// What the engine wrote down at its last result.
    pub memo: Option<Bytes>,
}

impl Ready {
    /// A delivery of which nothing else is known: unordered, never claimed, accepted at `since`.
    #[must_use]
    pub fn new(
        (position, id): (Position, DeliveryId),
        event: EventId,
        tenant: TenantId,
        channel: ChannelName,
        class: Class,
        lane: LaneId,
        since: Timestamp,
    ) -> Self {
        Self {
            position,
            id,
            event,
            tenant,
            channel,
            class,
            lane,
            order_key: 0,
            order: Order::Unordered,
            generation: 0,
            attempt: 0,
            tries: 0,
            failures: 0,
            suspicion: 0,
            since,
            accepted_at: since,
            expires_at: None,
            bytes: 0,
            pool: None,
            memo: None,
        }
    }

    /// Whether a send was begun before in this generation.
    #[must_use]
    pub fn is_retry(&self) -> bool {
        self.tries > 0
    }

    /// The window it belongs to.
    #[must_use]
    pub fn group(&self) -> Group {
        Group {
            tenant: self.tenant.clone(),
            channel: self.channel.clone(),
            pool: self.pool.clone(),
            retry: self.is_retry(),
            lane: self.lane,
        }
    }
}

/// A claim that an earlier owner left behind: possibly sent.
#[derive(Debug, Clone)]
pub struct Interrupted {
    /// The delivery; `attempt` is the one that was interrupted.
    pub ready: Ready,
    /// When it was claimed.
    pub claimed_at: Timestamp,
    /// What the claim said of itself: whether it was tried alone.
    pub alone: bool,
}
