use std::time::Duration;

use super::DeliveryFilter;
use crate::{
    clock::Timestamp,
    id::{DeliveryId, EventId},
    name::TenantId,
};

/// Gives ended deliveries a new generation (promise P4).
#[derive(Debug, Clone)]
pub struct Redrive {
    /// Whose they are.
    pub tenant: TenantId,
    /// Which.
    pub selection: Selection,
    /// Who asks, for the history.
    pub actor: String,
    /// What is sent.
    pub content: RedriveContent,
    /// The time between two of them: the first is due now, the next after this. Zero for all at
    /// once.
    pub spacing: Duration,
    /// A new end of their lives, in place of the old one. With one that has come they expire
    /// unsent, and no longer block what is ordered behind them
    /// ([`Order::StrictBlocking`](crate::Order::StrictBlocking)).
    pub expires_at: Option<Timestamp>,
    /// At most this many in one transaction.
    pub limit: u32,
    /// Counts, and changes nothing.
    pub dry_run: bool,
}

impl Redrive {
    /// The most that one call redrives, unless [`Redrive::limit`] says otherwise.
    pub const LIMIT: u32 = 1_000;

    /// Sends these again, rendered afresh, all at once, and at most [`Redrive::LIMIT`] of them. The fields and
    /// methods say what else.
    ///
    /// ```
    /// use signalbus_core::{TenantId, store::{DeliveryFilter, EndState, Reason, Redrive, Selection, State}};
    ///
    /// let dead = DeliveryFilter::new()
    ///     .state(State::Ended(EndState::Dead))
    ///     .reason(Reason::AttemptsExhausted);
    /// let look_first = Redrive::new(TenantId::default(), Selection::Filter(dead), "on-call").dry_run();
    /// # assert!(look_first.dry_run);
    /// ```
    #[must_use]
    pub fn new(tenant: TenantId, selection: Selection, actor: impl Into<String>) -> Self {
        Self {
            tenant,
            selection,
            actor: actor.into(),
            content: RedriveContent::default(),
            spacing: Duration::ZERO,
            expires_at: None,
            limit: Self::LIMIT,
            dry_run: false,
        }
    }

    /// Sends what was rendered before, not afresh.
    #[must_use]
    pub const fn frozen(mut self) -> Self {
        self.content = RedriveContent::Frozen;
        self
    }

    /// Leaves this much time between two of them.
    #[must_use]
    pub const fn spaced(mut self, spacing: Duration) -> Self {
        self.spacing = spacing;
        self
    }

    /// Sets when they are worth nothing any more.
    #[must_use]
    pub const fn expiring(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Takes at most this many.
    #[must_use]
    pub const fn limit(mut self, limit: u32) -> Self {
        self.limit = limit;
        self
    }

    /// Only counts.
    #[must_use]
    pub const fn dry_run(mut self) -> Self {
        self.dry_run = true;
        self
    }
}

/// Which deliveries to redrive.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Selection {
    /// These, each in the generation named: whoever comes second with the same generation
    /// changes nothing.
    Ids(Vec<(DeliveryId, u32)>),
    /// All that match and can be redriven, oldest first. The tenant is the redrive's own.
    ///
    /// Unless the filter names a reason, without those of
    /// [`Reason::InvalidAddress`](super::Reason::InvalidAddress): a redrive sends to the same address, and
    /// they would end as they did. Name that reason, or the deliveries, when the channel takes more than it
    /// took then.
    Filter(DeliveryFilter),
}

/// What a redriven delivery sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RedriveContent {
    /// Rendered afresh with today's templates.
    #[default]
    Fresh,
    /// The message as it was last rendered, if it ever was.
    Frozen,
}

/// What a redrive did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Deliveries with the generation that began.
    pub started: Vec<(DeliveryId, u32)>,
    /// Named, but not in that generation, not ended, or ended well.
    pub skipped: Vec<DeliveryId>,
    /// Whether more match than the limit allowed.
    pub more: bool,
}

/// What to call off.
#[derive(Debug, Clone)]
pub struct Cancel {
    /// Which.
    pub target: CancelTarget,
    /// Who asks, for the history.
    pub actor: String,
}

/// Which deliveries to call off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelTarget {
    /// All of this event.
    Event(EventId),
    /// This one.
    Delivery(DeliveryId),
}

/// What became of one delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cancelled {
    /// The delivery.
    pub id: DeliveryId,
    /// What became of it.
    pub answer: CancelAnswer,
}

/// What calling off did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CancelAnswer {
    /// It will not be sent.
    Cancelled,
    /// A send is in flight: it may arrive, but is not tried again.
    InFlight,
    /// It had ended before: nothing was changed, and a dead one blocks its successors as before.
    Ended(super::EndState),
}
