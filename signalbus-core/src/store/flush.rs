use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;

use super::{AttemptRecord, EndState, LaneId, Position, Reason, StoredEvent, Suppression};
use crate::{clock::Timestamp, id::DeliveryId};

/// Claims and results to write in one transaction.
#[derive(Debug, Clone, Default)]
pub struct Flush {
    /// Deliveries about to be sent.
    pub claims: Vec<Claim>,
    /// Deliveries whose send came to an end.
    pub settles: Vec<Settle>,
}

/// Makes it durable that a delivery is about to be sent.
#[derive(Debug, Clone)]
pub struct Claim {
    /// Its place.
    pub position: Position,
    /// Its id.
    pub id: DeliveryId,
    /// Its lane.
    pub lane: LaneId,
    /// Must be its generation.
    pub generation: u32,
    /// The attempt this claim begins: one more than the last.
    pub attempt: u32,
    /// Whether nothing else is in flight in this worker; see [`Interrupted::alone`](super::Interrupted).
    pub alone: bool,
}

/// Writes what became of a claimed delivery.
#[derive(Debug, Clone)]
pub struct Settle {
    /// Its place.
    pub position: Position,
    /// Its id.
    pub id: DeliveryId,
    /// Its lane.
    pub lane: LaneId,
    /// Must be its generation.
    pub generation: u32,
    /// Must be its attempt.
    pub attempt: u32,
    /// What comes next.
    pub next: Next,
    /// How many attempts count against the cap from now on.
    pub failures: u32,
    /// How many crashes it is suspected of from now on.
    pub suspicion: u32,
    /// The attempt, for the history.
    pub record: AttemptRecord,
    /// The message to keep for the next try of this generation, or for a frozen redrive.
    pub rendering: Option<Bytes>,
    /// What else the same transaction must do.
    pub effects: Vec<Effect>,
}

/// What comes after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Ready again after this time, unless it was cancelled meanwhile.
    Retry(Duration),
    /// Ended.
    End(EndState, Reason),
}

/// What a transaction does beside its main work. A store answers
/// [`StoreErrorKind::Unsupported`](super::StoreErrorKind::Unsupported) for one it does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Puts the address of the delivery on the suppression list.
    Suppress(Suppression),
}

/// The answers to a [`Flush`], in its order.
#[derive(Debug, Clone)]
pub struct Flushed {
    /// The store's time.
    pub now: Timestamp,
    /// One answer for each claim.
    pub claims: Vec<ClaimAnswer>,
    /// One answer for each result.
    pub settles: Vec<SettleAnswer>,
}

/// What became of a claim.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ClaimAnswer {
    /// Send it. Also when the same claim was written before.
    Claimed(Claimed),
    /// Do not send it.
    Refused(Refusal),
    /// Another worker owns the lane.
    LaneLost,
}

/// What a worker needs to send a delivery.
#[derive(Clone)]
pub struct Claimed {
    /// Its event; shared by the claims of one flush.
    pub event: Arc<StoredEvent>,
    /// The place of its recipient in the event.
    pub recipient: u32,
    /// What is its recipient's alone; none when it was erased, or when the event came without.
    pub own: Option<Bytes>,
    /// [`NewEvent::secret`](super::NewEvent::secret); none when the event has none, or none any more.
    pub secret: Option<Bytes>,
    /// The message kept from an earlier try.
    pub rendering: Option<Bytes>,
}

impl fmt::Debug for Claimed {
    /// Shows no content and no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claimed")
            .field("event", &self.event)
            .field("recipient", &self.recipient)
            .field("rendered", &self.rendering.is_some())
            .finish_non_exhaustive()
    }
}

/// Why a claim was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// It expired; it has ended now.
    Expired,
    /// Its address is on the suppression list; it has ended now.
    Suppressed,
    /// It is not where the engine believed it: cancelled, redriven, settled, or gone. Forget it.
    Moved,
}

/// What became of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettleAnswer {
    /// Written.
    Applied,
    /// The delivery is not in this attempt any more: written before, or overtaken.
    Already,
    /// Another worker owns the lane.
    LaneLost,
}
