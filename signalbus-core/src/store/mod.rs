//! Stores: the system of record.

mod accept;
mod after;
mod erase;
mod error;
mod fetch;
mod flush;
mod history;
mod lane;
pub mod memory;
mod page;
mod pause;
mod pressure;
mod query;
mod receipt;
mod recipient;
mod redrive;
mod retention;
mod shape;
mod state;
mod suppression;
mod suppressions;
mod take;

pub use accept::{
    Acceptance, AddressHash, BusAdvance, BusPosition, Fingerprint, GatherKey, IdempotencyRecord,
    NewDelivery, NewEvent, StoredEvent,
};
pub use after::{After, FOREVER, Verdict};
pub use erase::{Erase, Erased};
pub use error::{StoreError, StoreErrorKind};
pub use fetch::{
    Account, ClassWindow, Fetched, Group, Interrupted, MOST_INTERRUPTED, Position, Ready, Window,
};
pub use flush::{
    Claim, ClaimAnswer, Claimed, Effect, Flush, Flushed, Next, Refusal, Settle, SettleAnswer, Why,
};
pub use history::{AttemptOutcome, AttemptRecord, Entry, HistoryEntry};
pub use lane::{Epoch, LaneHolding, LaneId, LaneLease, LaneRequest, Share, Space, SpaceId};
pub use memory::{MemoryStore, MemoryStoreBuilder};
pub use page::{Page, PageToken, PageTokenError};
pub use pause::{Pause, Paused, Released};
pub use pressure::{PoolUse, Pressure};
pub use query::{DeliveryFilter, DeliveryRecord, EventRecord, Tally};
pub use receipt::{Bounce, Receipt, ReceiptEffect, ReceiptKind, ReceiptTarget, Suppress};
pub use recipient::{NewRecipient, RecipientKey, StoredRecipient};
pub use redrive::{
    Cancel, CancelAnswer, CancelTarget, Cancelled, Redrive, RedriveContent, Redriven, Selection,
};
pub use retention::Retention;
pub use shape::Shape;
pub use state::{EndState, Reason, State};
pub use suppression::{Cause, Listed, Scope, Suppression, Unsuppress};
pub use suppressions::{SuppressionFilter, SuppressionPlace};
pub use take::{CounterKey, Counters, Refund, Take, refund, take_all};

use std::fmt::Debug;

use async_trait::async_trait;

use crate::{
    channel::Address,
    event::Attachment,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId},
};

/// What a store promises, so that the engine can refuse what it could not keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreFeatures {
    /// What was answered with `Ok` survives the death of this process.
    pub durable: bool,
    /// Several workers may share it; otherwise one at a time owns all lanes.
    pub shared: bool,
    /// The bits of its shapes.
    shapes: u64,
}

impl StoreFeatures {
    /// Neither durable nor shared, and keeps nothing but plain deliveries.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            durable: false,
            shared: false,
            shapes: 0,
        }
    }

    /// It keeps this, too.
    #[must_use]
    pub const fn keeps(mut self, shape: Shape) -> Self {
        self.shapes |= shape.bit();
        self
    }

    /// Whether it keeps this.
    #[must_use]
    pub const fn has(self, shape: Shape) -> bool {
        self.shapes & shape.bit() != 0
    }

    /// Sets whether what was answered survives the death of this process.
    #[must_use]
    pub const fn durable(mut self, durable: bool) -> Self {
        self.durable = durable;
        self
    }

    /// Sets whether several workers may share it.
    #[must_use]
    pub const fn shared(mut self, shared: bool) -> Self {
        self.shared = shared;
        self
    }
}

/// The system of record.
///
/// For the caller: give one to the builder; use `Signalbus` for the rest.
///
/// For the implementer: the methods take and give vectors, results in input order; each is one
/// transaction. The store owns wall time: every decision against a time compares with the store's
/// own clock, and answers carry it. A future may be dropped at any await: work already sent to
/// the database must then either happen whole or not at all.
#[async_trait]
pub trait Store: Debug + Send + Sync + 'static {
    /// What it promises.
    fn features(&self) -> StoreFeatures;

    /// How busy it is, for metrics: nothing is said of a store that has no connections. It must answer at once.
    fn pressure(&self) -> Pressure {
        Pressure::default()
    }

    /// Stores events, each with all its deliveries, and moves bus positions, in one transaction.
    ///
    /// To be correct it must:
    /// - be durable when it answers `Ok`;
    /// - compare keys within the batch too: the second of two equal events is a duplicate;
    /// - know an event by its id too: the same one again is `Accepted` and changes nothing (an
    ///   answer was lost), the id of another tenant's event is a `Conflict`;
    /// - change nothing when a bus position is not the expected one
    ///   ([`StoreErrorKind::StalePosition`]);
    /// - give deliveries positions that rise in the order of `events`, and of calls: what was answered
    ///   before another call began comes before what that one stores, for each recipient.
    ///
    /// # Errors
    /// Nothing was stored, unless the kind is [`StoreErrorKind::Ambiguous`].
    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError>;

    /// The next positions of a group of bus consumers, as moved by [`Store::accept`].
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn bus_positions(&self, bus: &str, group: &str) -> Result<Vec<BusPosition>, StoreError>;

    /// Renews this worker's lanes, gives up those it releases, takes over free and lapsed ones of
    /// the spaces it asks for, up to its fair share of each ([`Share`]). The lanes of a space come
    /// to be when it is first asked for.
    ///
    /// To be correct it must: raise the epoch whenever a lane changes its owner; renew under the
    /// same epoch when nobody took a lapsed lane; never take a lane whose lease still runs, nor one
    /// of a space that was not asked for; count as sharers of a space only living workers that ask
    /// for it.
    ///
    /// # Errors
    /// When the store cannot be reached. What the worker held runs on until its leases end.
    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError>;

    /// Reads work of these lanes that may be sent now, and claims left behind by earlier owners.
    ///
    /// To be correct it must:
    /// - return at most `per_group` deliveries of each [`Group`], lowest positions first, so that
    ///   one tenant's million never hides another's ten, and say in
    ///   [`Fetched::resume`] where a class was cut;
    /// - not return a strictly ordered delivery while an earlier one of its order key waits for
    ///   a later time, is claimed, or (blocking) is dead, nor while an earlier one is ready too
    ///   but not in front of it in the same answer; however the earlier one is ordered, but
    ///   unordered ones have no place in this;
    /// - not put off what was to be sent at once because the wall clock went back, so that it keeps
    ///   its place in the order; whatever else waits for a time waits for it again;
    /// - look at all rows each time: rows commit late and become due earlier;
    /// - leave out deliveries of channels that are not listed;
    /// - return claims left behind until they are settled, [`MOST_INTERRUPTED`] at once.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError>;

    /// The channels of which deliveries are ready or possibly sent, while no living worker asks for
    /// their space; with how many, up to a bound of the store's own.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn unserved(&self) -> Result<Vec<(ChannelName, u64)>, StoreError>;

    /// The files of an event, in their order; none when the tenant has no such event, or they were
    /// erased. Claims carry none: they are asked for when the message is sent, so that no more of
    /// them is in memory than the engine has room for ([`Ready::bytes`]).
    ///
    /// # Errors
    /// When the store cannot be read. [`StoreErrorKind::Unsupported`] by default: right for a store
    /// that gives `bytes` of zero with all that is ready.
    async fn files(
        &self,
        tenant: &TenantId,
        event: EventId,
    ) -> Result<Vec<Attachment>, StoreError> {
        let _ = (tenant, event);
        Err(StoreError::new(
            StoreErrorKind::Unsupported,
            "this store keeps no files apart from claims",
        ))
    }

    /// Writes claims and results together, in one transaction.
    ///
    /// To be correct it must:
    /// - change nothing for a lane whose epoch is not the one in `lanes`, or that was given up
    ///   since (`LaneLost`);
    /// - guard each item by generation and attempt, so that repeating a flush is harmless: a claim
    ///   repeated is `Claimed` again, a result repeated is `Already`;
    /// - check a claim against cancellation, expiry, the delivery it comes after ([`After`]) and the
    ///   suppression list, and end a refused delivery in the same transaction, with a history entry
    ///   (for a suppression with its reason as the detail); then against pauses, and hold it;
    /// - take from counters what a claim takes ([`Claim::takes`], [`take_all`]), or put the delivery off
    ///   until then as [`Next::Later`] does (the attempt is over, nothing else changes), with a history
    ///   entry ([`Entry::PutOff`]) and [`ClaimAnswer::Later`]; a claim repeated takes nothing again, and
    ///   what was taken by a claim that was interrupted stays taken. Counters are locked in the order
    ///   of their keys. Refunds ([`Settle::refunds`]) go with their result;
    /// - store the events of [`Effect::Accept`] as [`Store::accept`] does, in the same transaction;
    /// - when a delivery ends, in whatever call, end or release those that wait for it;
    /// - forget the secret of an event ([`NewEvent::secret`]) with the end of its last open delivery,
    ///   whatever ends it, here and in [`Store::cancel`];
    /// - refuse a claim (`Moved`) that comes before its time, or that the order keeps waiting;
    /// - be durable before it answers: a claim is the only trace of a send that was cut short.
    ///
    /// # Errors
    /// Nothing was written, unless the kind is [`StoreErrorKind::Ambiguous`]; either way the
    /// engine repeats the same flush.
    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError>;

    /// Records what providers said later. A receipt about a delivery or message that is not known
    /// yet is parked and applied with the next result, in the order of arrival; the same receipt
    /// twice changes nothing. The end that a receipt brings its delivery stands right behind it in the
    /// history. What receipts mean for those that wait for their deliveries ([`After`]) is decided once
    /// all of the batch are recorded, from where each ladder then stands: in the history of one that is
    /// not needed, what this batch says of itself comes first, then its end.
    /// One that suppresses ([`Receipt::suppress`]) puts the address of its delivery on the list of
    /// that delivery's tenant in the same transaction, wherever the ladder stands.
    ///
    /// # Errors
    /// Nothing was recorded.
    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError>;

    /// Gives dead deliveries a new generation. Two redrives of one generation cannot both win.
    ///
    /// # Errors
    /// Nothing was changed.
    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError>;

    /// Ends deliveries that were not sent yet.
    ///
    /// # Errors
    /// Nothing was changed.
    async fn cancel(&self, tenant: &TenantId, cancel: Cancel)
    -> Result<Vec<Cancelled>, StoreError>;

    /// Holds back what is waiting, and what comes. Whether it is new: one that stands already keeps
    /// its reason, actor and time.
    ///
    /// A claim that meets a pause is refused ([`Refusal::Held`]): the delivery is [`State::Held`] from
    /// then on, out of the way of `fetch`, with a history entry that names the pause's reason. It
    /// keeps its place in the order of its key, and may be called off. Its expiry is looked at when it
    /// is claimed again. A pause of a provider is only kept, for engines to read.
    ///
    /// # Errors
    /// Nothing was changed. [`StoreErrorKind::Unsupported`] by default.
    async fn pause(&self, pause: Pause) -> Result<bool, StoreError> {
        let _ = pause;
        Err(lacks(Shape::Held))
    }

    /// Ends a pause; says whether it stood. What it held stays so until [`Store::release`].
    ///
    /// # Errors
    /// Nothing was changed. [`StoreErrorKind::Unsupported`] by default.
    async fn resume(&self, what: &Paused) -> Result<bool, StoreError> {
        let _ = what;
        Err(lacks(Shape::Held))
    }

    /// Puts up to `limit` held deliveries back that no pause holds any more, lowest positions first:
    /// each waits as it did before it was held. Workers call it now and then, whoever ends a pause
    /// until there are no more.
    ///
    /// # Errors
    /// Nothing was changed.
    async fn release(&self, limit: u32) -> Result<Released, StoreError> {
        let _ = limit;
        Ok(Released::default())
    }

    /// The pauses that stand, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        Ok(Vec::new())
    }

    /// Puts addresses on the suppression list. Of two entries with the same key (tenant, channel,
    /// address and scope) the graver cause stays, with its code and time; of two that are as grave,
    /// the first.
    ///
    /// # Errors
    /// Nothing was changed.
    async fn suppress(&self, suppressions: Vec<Suppression>) -> Result<(), StoreError>;

    /// Takes an entry off the suppression list; says whether it was on it.
    ///
    /// # Errors
    /// Nothing was changed.
    async fn unsuppress(&self, which: Unsuppress) -> Result<bool, StoreError>;

    /// The gravest entry that stands against each of these, if one does: of the tenant's list and
    /// of the list of all tenants.
    ///
    /// # Errors
    /// When the store cannot be read. [`StoreErrorKind::Unsupported`] by default: then copies are not
    /// sent, as nobody can say whether they may be.
    async fn suppressed(&self, asked: Vec<Listed>) -> Result<Vec<Option<Suppression>>, StoreError> {
        let _ = asked;
        Err(StoreError::new(
            StoreErrorKind::Unsupported,
            "this store cannot be asked about its suppression list",
        ))
    }

    /// Entries of the suppression list of a tenant in the order of their places, at most
    /// [`SuppressionFilter::limit`]. For people: it may read more than it answers.
    ///
    /// # Errors
    /// When the store cannot be read. [`StoreErrorKind::Unsupported`] by default.
    async fn suppressions(
        &self,
        filter: &SuppressionFilter,
    ) -> Result<Vec<Suppression>, StoreError> {
        let _ = filter;
        Err(StoreError::new(
            StoreErrorKind::Unsupported,
            "this store cannot list its suppressions: ask about one address, or use another store",
        ))
    }

    /// One event with its deliveries.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn event(
        &self,
        tenant: &TenantId,
        id: EventId,
    ) -> Result<Option<EventRecord>, StoreError>;

    /// One delivery.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn delivery(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<DeliveryRecord>, StoreError>;

    /// What happened to a delivery, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn history(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Vec<HistoryEntry>, StoreError>;

    /// Deliveries that match, in the order of their positions, a page at a time.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn list(
        &self,
        filter: &DeliveryFilter,
        page: PageToken,
    ) -> Result<Page<DeliveryRecord>, StoreError>;

    /// Counts deliveries by tenant, channel, state and reason.
    ///
    /// # Errors
    /// When the store cannot be read.
    async fn tally(&self, filter: &DeliveryFilter) -> Result<Vec<Tally>, StoreError>;

    /// Forgets events all of whose deliveries ended longer ago than they are to be kept, by the store's
    /// own clock, with their recipients, files, keys, history and receipts: up to
    /// [`Retention::most`]; says how many. Counters whose time has passed go, too.
    ///
    /// # Errors
    /// Nothing was changed.
    async fn purge(&self, retention: &Retention) -> Result<u64, StoreError>;

    /// Forgets a recipient of a tenant: every recipient row of one of these keys, or of a delivery to
    /// one of these addresses, up to [`Erase::limit`] rows; says what was erased, by table.
    ///
    /// To be correct it must, for each of them and in one transaction:
    /// - forget what the row holds, and keep the row and its key, so that deliveries can still be
    ///   counted and listed;
    /// - end their open deliveries `cancelled` for the reason [`Reason::Erased`], also those in flight,
    ///   whose results then come too late (`Already`);
    /// - forget renderings, the names that providers gave their messages, and receipts that wait for
    ///   such a name; pass each line of their history through [`HistoryEntry::erase`];
    /// - write [`Entry::Erased`] into the history of each of their deliveries;
    /// - forget shared content, secret and files of an event of which no recipient is left;
    /// - answer zeros when the same is asked again.
    ///
    /// It leaves alone: the suppression list, which is hashed, and without which they would be written
    /// to again; the hashed address of each delivery, by which a late receipt still suppresses; hashed
    /// idempotency keys and fingerprints.
    ///
    /// # Errors
    /// Nothing was changed. [`StoreErrorKind::Unsupported`] by default.
    async fn erase(&self, erase: &Erase) -> Result<Erased, StoreError> {
        let _ = erase;
        Err(StoreError::new(
            StoreErrorKind::Unsupported,
            "this store cannot erase a recipient: purge their events, or use another store",
        ))
    }
}

fn lacks(shape: Shape) -> StoreError {
    let problem = format!("this store does not keep the shape `{}`", shape.as_str());
    StoreError::new(StoreErrorKind::Unsupported, problem)
}

/// The normal form of `address`, hashed; how stores compare addresses without keeping them.
#[must_use]
pub fn hash_address<A: Address>(channel: &ChannelName, address: &A) -> AddressHash {
    AddressHash::of(channel, address.as_str())
}

/// Never called: proves that the trait can be used as `dyn Store`.
fn _object_safe(_: &dyn Store) {}
