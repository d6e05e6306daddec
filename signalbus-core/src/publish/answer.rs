use serde::Serialize;

use crate::{
    clock::Timestamp,
    id::{DeliveryId, EventId},
    name::ChannelName,
};

/// The answer to a publish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Published {
    /// The event: the earlier one for a duplicate or conflict.
    pub event: EventId,
    /// Whether it was new.
    pub verdict: Verdict,
    /// One answer for each recipient and channel; empty for a conflict.
    pub routes: Vec<RouteAnswer>,
}

/// Whether an event was new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was, and is stored.
    Accepted,
    /// The key was used before with the same content: nothing was stored again.
    Duplicate,
    /// The key was used before with other content: nothing was stored.
    Conflict,
}

/// The answer for one recipient and channel.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RouteAnswer {
    /// The place of the recipient in the event.
    pub recipient: usize,
    /// The channel; none when there was no route.
    pub channel: Option<ChannelName>,
    /// The delivery: ask for it later by this.
    pub delivery: DeliveryId,
    /// What happens next.
    pub answer: Answer,
}

/// What happens to a delivery that was just accepted. What is decided at its turn (suppressed,
/// expired) is recorded then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Answer {
    /// It is sent as soon as it is its turn.
    Queued,
    /// It is sent at this time.
    Scheduled(Timestamp),
    /// The policy has no channel for it, or the recipient no address there.
    NoRoute,
    /// It cannot be sent, and this is why.
    Rejected(String),
}

impl Published {
    /// How many deliveries will be tried.
    #[must_use]
    pub fn deliveries(&self) -> usize {
        self.routes
            .iter()
            .filter(|route| matches!(route.answer, Answer::Queued | Answer::Scheduled(_)))
            .count()
    }
}
