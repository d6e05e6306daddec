use std::{fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    AddressHash, AttemptRecord, EndState, LaneId, NewEvent, Position, Ready, Reason, Refund,
    StoredEvent, Suppression, Take,
};
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
#[non_exhaustive]
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
    /// Whether it is tried alone: nothing else is in flight in this worker, or it was in flight in two crashes
    /// and no other suspect is, nor anything else of its providers. See [`Interrupted::alone`](super::Interrupted).
    pub alone: bool,
    /// What it takes from counters.
    pub takes: Vec<Take>,
}

impl Claim {
    /// The claim of the next attempt.
    #[must_use]
    pub fn of(ready: &Ready) -> Self {
        Self {
            position: ready.position,
            id: ready.id,
            lane: ready.lane,
            generation: ready.generation,
            attempt: ready.attempt.saturating_add(1),
            alone: false,
            takes: Vec::new(),
        }
    }
}

/// Writes what became of a claimed delivery.
#[derive(Debug, Clone)]
#[non_exhaustive]
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
    /// How many sends this generation has begun, this one included if it began.
    pub tries: u32,
    /// How many attempts count against the cap from now on.
    pub failures: u32,
    /// How many crashes it is suspected of from now on.
    pub suspicion: u32,
    /// The attempt, for the history.
    pub record: AttemptRecord,
    /// The message to keep for the next try of this generation, or for a frozen redrive.
    pub rendering: Option<Bytes>,
    /// What to write down for the next claim of this generation, in place of what was there.
    pub memo: Option<Bytes>,
    /// What goes back to counters.
    pub refunds: Vec<Refund>,
    /// What else the same transaction must do.
    pub effects: Vec<Effect>,
}

impl Settle {
    /// The result of the attempt that `record` names, of a delivery as it was before its claim. It
    /// counts as a send; nothing else changes.
    #[must_use]
    pub fn new(ready: &Ready, next: Next, record: AttemptRecord) -> Self {
        Self {
            position: ready.position,
            id: ready.id,
            lane: ready.lane,
            generation: ready.generation,
            attempt: record.attempt,
            next,
            tries: ready.tries.saturating_add(1),
            failures: ready.failures,
            suspicion: ready.suspicion,
            record,
            rendering: None,
            memo: ready.memo.clone(),
            refunds: Vec::new(),
            effects: Vec::new(),
        }
    }
}

/// What comes after an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// Ready again after this time, unless it was cancelled meanwhile. When the wall clock goes back
    /// while it waits, it waits no longer than this from then on.
    Retry(Duration),
    /// Put off, as it is no time to send it: not a retry. Ready again at this time, unless it was
    /// cancelled meanwhile.
    Later {
        /// When.
        until: Timestamp,
        /// Why, in a word; the history has it.
        why: Why,
    },
    /// Ended.
    End(EndState, Reason),
}

macro_rules! whys {
    ($($(#[$doc:meta])* $name:ident = $text:literal,)*) => {
        /// Why a delivery was put off.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        #[non_exhaustive]
        pub enum Why {
            $($(#[$doc])* $name,)*
            /// An application's own word, or one of a newer version.
            Other(String),
        }

        impl Why {
            /// The word for it.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other(text) => text,
                }
            }
        }

        impl From<String> for Why {
            fn from(text: String) -> Self {
                match text.as_str() {
                    $($text => Self::$name,)*
                    _ => Self::Other(text),
                }
            }
        }
    };
}

whys! {
    /// It was claimed, and something came between its claim and the send.
    Returned = "returned",
    /// The recipient is not to be disturbed now.
    QuietHours = "quiet_hours",
    /// The recipient, or the tenant, has had as much as it may for now.
    Capped = "capped",
    /// It may have been sent, and the provider will know later.
    Unclear = "unclear",
}

impl From<Why> for String {
    fn from(why: Why) -> Self {
        why.as_str().to_owned()
    }
}

/// What a transaction does beside its main work. A store answers
/// [`StoreErrorKind::Unsupported`](super::StoreErrorKind::Unsupported) for one it does not know.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Effect {
    /// Puts the address of the delivery on the suppression list.
    Suppress(Suppression),
    /// Stores an event that follows from the result: parts of an audience, a message to the next one
    /// on call. Its id follows from its parent's ([`EventId::derived`](crate::id::EventId::derived)),
    /// so that it is stored once however often the result is written.
    Accept(Box<NewEvent>),
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
    /// A counter has too little left: the delivery was put off.
    Later {
        /// Until when.
        until: Timestamp,
    },
    /// Another worker owns the lane.
    LaneLost,
}

/// What a worker needs to send a delivery.
#[derive(Clone)]
#[non_exhaustive]
pub struct Claimed {
    /// Its event; shared by the claims of one flush.
    pub event: Arc<StoredEvent>,
    /// The place of its recipient in the event.
    pub recipient: u32,
    /// [`NewDelivery::address`](super::NewDelivery): which of its recipient's addresses it goes to.
    pub address: Option<AddressHash>,
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

impl Claimed {
    /// A delivery that was not rendered before.
    #[must_use]
    pub fn new(event: Arc<StoredEvent>, recipient: u32) -> Self {
        Self {
            event,
            recipient,
            address: None,
            own: None,
            secret: None,
            rendering: None,
        }
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
    /// A pause holds it: it is out of the way until that is over.
    Held,
    /// The delivery it waited for has reached the recipient; it has ended now.
    NotNeeded,
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
