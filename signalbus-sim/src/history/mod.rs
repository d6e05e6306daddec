//! What happened in a run, as three independent observers saw it, and a checker of the promises.
//!
//! The observers are the publishers (what they asked and what they were told), the providers'
//! own books (the only truth about sends), and the store (its log of transitions, and what it
//! holds at the end). A [`History`] is plain data: write it as JSON, from one process or many.
//! [`check()`] compares what they saw and names each broken promise with its [`Invariant`], the
//! delivery and the lines that show it.
//!
//! A run on a store whose transitions cannot be seen leaves those lines out: what the store holds
//! at the end ([`ends`]) still has every attempt, and the invariants that need more are checked as
//! far as the lines go. So it is with epochs when no owner of a lane was seen.

mod check;
mod event;
mod gather;
mod index;
mod rules;
mod story;
mod verdict;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use signalbus::{
    DeliveryId, EventId, ProviderName, TenantId,
    name::ChannelName,
    store::{HistoryEntry, Reason, State},
};

pub use check::check;
pub use event::{Answer, Broken, Event, Listed, Publish, Request, RouteWanted, Said, Seen, Step};
pub use gather::ends;
pub use story::story;
pub use verdict::{Invariant, Violation};

/// Everything that was seen in a run.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct History {
    /// What the engine was set up for.
    pub rules: Rules,
    /// What was seen, in the order in which it happened.
    pub events: Vec<Event>,
    /// What the store holds at the end.
    pub ends: Vec<End>,
    /// What the metrics say at the end; none when they were not read.
    pub counters: Option<Counters>,
}

impl History {
    /// How many messages were sent once more than asked for, by cause: lost records and missing
    /// answers.
    #[must_use]
    pub fn duplicates(&self) -> BTreeMap<&'static str, u64> {
        rules::duplicates::causes(&index::Index::new(self))
    }
}

/// What the engine was set up for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// [`RetryPolicy::max_attempts`](signalbus::RetryPolicy).
    pub max_attempts: u32,
    /// [`RetryPolicy::floor`](signalbus::RetryPolicy).
    pub floor: Duration,
    /// [`BreakerSettings::failures`](signalbus::BreakerSettings).
    pub breaker_failures: u32,
    /// Channels that send at most once.
    pub at_most_once: Vec<ChannelName>,
    /// Providers that are asked what became of a message before it is sent to them again.
    pub asked: Vec<ProviderName>,
    /// Providers that recognise a repeat, so that it may be sent even at most once.
    pub recognising: Vec<ProviderName>,
    /// How far a tenant's turn may be late: so many messages of others may go before it beyond
    /// one for each of its own. None where tenants do not compete for the same slots.
    pub unfairness: Option<u64>,
    /// Channels that stay broken for good: their deliveries may still wait at the end.
    pub broken_channels: Vec<ChannelName>,
    /// Whether no fault was injected at all.
    pub calm: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            max_attempts: 12,
            floor: Duration::from_secs(1),
            breaker_failures: 5,
            at_most_once: Vec::new(),
            asked: Vec::new(),
            recognising: Vec::new(),
            unfairness: None,
            broken_channels: Vec::new(),
            calm: false,
        }
    }
}

/// What the store holds about one delivery when all is done.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct End {
    /// The delivery.
    pub delivery: DeliveryId,
    /// Its event.
    pub event: EventId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its channel.
    pub channel: Option<ChannelName>,
    /// Where it is.
    pub state: State,
    /// Why it ended.
    pub reason: Option<Reason>,
    /// How often it was redriven.
    pub generation: u32,
    /// What happened to it.
    pub history: Vec<HistoryEntry>,
}

/// Totals of the engine's counters over all labels but `status` or `state`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Counters {
    /// `notifications_attempted_total`, by status.
    pub attempted: BTreeMap<String, u64>,
    /// `notifications_ended_total`, by state.
    pub ended: BTreeMap<String, u64>,
    /// `notifications_published_total`.
    pub published: u64,
}
