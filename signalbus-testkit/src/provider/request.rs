use std::{fmt, time::Duration};

use serde_json::Value;
use signalbus_core::{
    Channel, DeliveryId, EventId, TenantId, Timestamp,
    provider::{Fault, Outcome},
};

/// One call of a provider.
#[derive(Clone)]
#[non_exhaustive]
pub struct Request {
    /// Which call of this provider it is, from one.
    pub call: u64,
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its event.
    pub event: EventId,
    /// Whose event it is.
    pub tenant: TenantId,
    /// Counts redrives, from zero.
    pub generation: u32,
    /// Counts the tries of this generation, from one.
    pub attempt: u32,
    /// Our name for the message.
    pub reference: String,
    /// Where it goes, in its normal form.
    pub address: String,
    /// The message as it is stored; see [`Request::message`].
    pub json: Value,
    /// When it is worth nothing any more.
    pub expires_at: Option<Timestamp>,
    /// When the call came.
    pub called: Moment,
    /// When the provider said that it starts the request.
    pub started: Option<Moment>,
    /// Whether somebody got a message by it: the truth, whatever the engine was told.
    pub taken: bool,
    /// Whether it was recognised as the repeat of a message that was taken before.
    pub repeat: bool,
    /// When the call was over.
    pub ended: Option<Moment>,
    /// How it ended.
    pub ending: Ending,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// Not yet.
    Pending,
    /// The provider answered that it took the message.
    Accepted {
        /// The id it gave.
        id: Option<String>,
    },
    /// It answered with an error.
    Failed {
        /// What the error says about the message.
        outcome: Outcome,
        /// Whose fault it says it was.
        fault: Fault,
    },
    /// It panicked.
    Panicked,
    /// The engine dropped the call: a timeout, a lost lane, a shutdown.
    Dropped,
}

/// When something happened, by the clock of the provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Moment {
    /// Rises with everything that is written into the same books: it orders what a clock that
    /// stands still cannot.
    pub sequence: u64,
    /// Wall time.
    pub wall: Timestamp,
    /// Monotonic time.
    pub monotonic: Duration,
}

impl Request {
    /// The message. What a channel keeps out of the store, such as the content of attachments, is
    /// missing from it.
    ///
    /// # Panics
    /// When `C` is not the channel it was sent on.
    #[must_use]
    #[track_caller]
    pub fn message<C: Channel>(&self) -> C::Message {
        match serde_json::from_value(self.json.clone()) {
            Ok(message) => message,
            Err(error) => panic!("call {} is no {} message: {error}", self.call, C::NAME),
        }
    }

    /// Whether the call is still running.
    #[must_use]
    pub fn is_pending(&self) -> bool {
        self.ending == Ending::Pending
    }
}

impl fmt::Debug for Request {
    /// Shows neither address nor content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("call", &self.call)
            .field("delivery", &self.delivery)
            .field("generation", &self.generation)
            .field("attempt", &self.attempt)
            .field("started", &self.started.is_some())
            .field("taken", &self.taken)
            .field("repeat", &self.repeat)
            .field("ending", &self.ending)
            .finish_non_exhaustive()
    }
}
