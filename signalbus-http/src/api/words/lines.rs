//! Lists that follow from deliveries: events, attempts, receipts.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbus_core::{
    EventId, TenantId, Timestamp,
    name::ProviderName,
    store::{DeliveryFilter, DeliveryRecord, Entry, HistoryEntry, Position, RecipientKey},
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use super::{
    deliveries::{FilterWords, filter},
    parse_number,
};
use crate::api::problem::Answer;

/// Which attempts or receipts, by their deliveries and by themselves, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct LineQuery {
    /// Of this event.
    #[serde(default)]
    event: Option<String>,
    /// Of this topic.
    #[serde(default)]
    topic: Option<String>,
    /// To this recipient: the application's own id.
    #[serde(default)]
    recipient: Option<String>,
    /// On this channel.
    #[serde(default)]
    channel: Option<String>,
    /// Of deliveries in this state, as in the list of deliveries.
    #[serde(default)]
    state: Option<String>,
    /// Of deliveries that ended for this reason.
    #[serde(default)]
    reason: Option<String>,
    /// By this provider: who was asked, or who took what a receipt is about.
    #[serde(default)]
    provider: Option<String>,
    /// Of the message that the provider calls this.
    #[serde(default)]
    message: Option<String>,
    /// Written at or after this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Written before this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    before: Option<Timestamp>,
    /// Of deliveries accepted at or after this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    accepted_from: Option<Timestamp>,
    /// Of deliveries accepted before this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    accepted_before: Option<Timestamp>,
    /// What the page before said as `next`.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Lines of the page: 50 unless said, at most 200 unless the host allows more.
    #[serde(default)]
    #[param(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
}

/// Attempts or receipts of deliveries to whom, and which page of them. In a body, as paths are logged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LineSearch {
    /// On which channel.
    pub(crate) channel: String,
    /// The address.
    pub(crate) address: String,
    /// Of this topic.
    #[serde(default)]
    topic: Option<String>,
    /// Of deliveries in this state, as in the list of deliveries.
    #[serde(default)]
    state: Option<String>,
    /// Of deliveries that ended for this reason.
    #[serde(default)]
    reason: Option<String>,
    /// By this provider: who was asked, or who took what a receipt is about.
    #[serde(default)]
    provider: Option<String>,
    /// Written at or after this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    from: Option<Timestamp>,
    /// Written before this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    before: Option<Timestamp>,
    /// Of deliveries accepted at or after this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    accepted_from: Option<Timestamp>,
    /// Of deliveries accepted before this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    accepted_before: Option<Timestamp>,
    /// What the page before said as `next`.
    #[serde(default)]
    pub(crate) after: Option<String>,
    /// Lines of the page: 50 unless said, at most 200 unless the host allows more.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 200)]
    pub(crate) limit: Option<u32>,
}

/// What lines of histories are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LineKind {
    Attempt,
    Receipt,
}

/// Which lines.
#[derive(Debug)]
pub(crate) struct LineFilter {
    pub(crate) kind: LineKind,
    pub(crate) deliveries: DeliveryFilter,
    provider: Option<ProviderName>,
    from: Option<Timestamp>,
    before: Option<Timestamp>,
}

impl LineQuery {
    /// The filter it says of this tenant.
    pub(crate) fn filter(&self, kind: LineKind, tenant: &TenantId) -> Answer<LineFilter> {
        let mut deliveries = filter(&FilterWords {
            event: self.event.as_deref(),
            topic: self.topic.as_deref(),
            channel: self.channel.as_deref(),
            state: self.state.as_deref(),
            reason: self.reason.as_deref(),
            message: self.message.as_deref(),
            provider: self.provider.as_deref(),
            accepted_from: self.accepted_from,
            accepted_before: self.accepted_before,
        })?;
        if let Some(id) = &self.recipient {
            deliveries = deliveries.recipient(RecipientKey::of(tenant, id));
        }
        Ok(LineFilter::of(kind, deliveries, (self.from, self.before)))
    }
}

impl LineSearch {
    /// The filter it says beside the address; whose deliveries is for somebody else to say.
    pub(crate) fn filter(&self, kind: LineKind) -> Answer<LineFilter> {
        let deliveries = filter(&FilterWords {
            topic: self.topic.as_deref(),
            state: self.state.as_deref(),
            reason: self.reason.as_deref(),
            provider: self.provider.as_deref(),
            accepted_from: self.accepted_from,
            accepted_before: self.accepted_before,
            ..FilterWords::default()
        })?;
        Ok(LineFilter::of(kind, deliveries, (self.from, self.before)))
    }
}

impl LineFilter {
    fn of(
        kind: LineKind,
        mut deliveries: DeliveryFilter,
        (from, before): (Option<Timestamp>, Option<Timestamp>),
    ) -> Self {
        // Who was asked need not be who took it in the end.
        let provider = match kind {
            LineKind::Attempt => deliveries.provider.take(),
            LineKind::Receipt => None,
        };
        Self {
            kind,
            deliveries,
            provider,
            from,
            before,
        }
    }

    /// Whether a delivery can have such lines, as far as it says itself.
    pub(crate) fn may_be_in(&self, delivery: &DeliveryRecord) -> bool {
        match self.kind {
            LineKind::Attempt => delivery.generation > 0 || delivery.attempt > 0,
            LineKind::Receipt => true,
        }
    }

    pub(crate) fn takes(&self, line: &HistoryEntry) -> bool {
        let fits = match (self.kind, &line.entry) {
            (LineKind::Attempt, Entry::Attempt(record)) => {
                self.provider.is_none() || self.provider == record.provider
            }
            (LineKind::Receipt, Entry::Receipt { .. }) => true,
            _ => false,
        };
        fits && self.from.is_none_or(|from| line.at >= from)
            && self.before.is_none_or(|before| line.at < before)
    }
}

/// The last line of a page: its delivery, and which line of the history of that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LinePlace {
    pub(crate) delivery: Position,
    pub(crate) line: usize,
}

/// The last event of a page: the place of its last delivery that was looked at, and its id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventPlace {
    pub(crate) delivery: Position,
    pub(crate) event: EventId,
}

impl fmt::Display for LinePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.delivery.0, self.line)
    }
}

impl fmt::Display for EventPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.delivery.0, self.event)
    }
}

impl FromStr for LinePlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (delivery, line) = text.split_once('.').ok_or(())?;
        Ok(Self {
            delivery: Position(delivery.parse().map_err(|_| ())?),
            line: line.parse().map_err(|_| ())?,
        })
    }
}

impl FromStr for EventPlace {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (delivery, event) = text.split_once('.').ok_or(())?;
        Ok(Self {
            delivery: Position(delivery.parse().map_err(|_| ())?),
            event: event.parse().map_err(|_| ())?,
        })
    }
}

/// Where a page begins, as `next` said it.
pub(crate) fn place<T: FromStr>(after: Option<&str>) -> Answer<Option<T>> {
    after.map(parse_number).transpose()
}

/// A line of the history of a delivery: one attempt, or one receipt.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Line)]
pub(crate) struct LineOut {
    /// The delivery.
    delivery: Uuid,
    /// Its event.
    event: Uuid,
    /// What its event is about.
    topic: String,
    /// Its channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// When the line was written.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What it says, as in the history of the delivery: `attempt` or `receipt`, with what belongs to it.
    #[schema(value_type = Object)]
    entry: Value,
}

impl LineOut {
    pub(crate) fn of(delivery: &DeliveryRecord, line: HistoryEntry) -> Self {
        Self {
            delivery: *delivery.id.as_uuid(),
            event: *delivery.event.as_uuid(),
            topic: delivery.topic.to_string(),
            channel: delivery.channel.as_ref().map(ToString::to_string),
            at: line.at,
            entry: serde_json::to_value(line.entry).unwrap_or_default(),
        }
    }
}

/// A page of lines.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LineList {
    /// By the acceptance of their deliveries, and each one's in the order they were written. There may be
    /// fewer than were asked for: go on while there is a `next`.
    items: Vec<LineOut>,
    /// The next page begins behind this; none when this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl LineList {
    pub(crate) fn of(items: Vec<LineOut>, next: Option<LinePlace>) -> Self {
        Self {
            items,
            next: next.map(|place| place.to_string()),
        }
    }
}

/// An event of a list.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventLine {
    /// Its id.
    id: Uuid,
    /// What it is about.
    topic: String,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
}

impl EventLine {
    pub(crate) fn of(delivery: &DeliveryRecord) -> Self {
        Self {
            id: *delivery.event.as_uuid(),
            topic: delivery.topic.to_string(),
            accepted_at: delivery.accepted_at,
        }
    }
}

/// A page of events.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EventList {
    /// In the order of their acceptance. There may be fewer than were asked for: go on while there is a
    /// `next`.
    items: Vec<EventLine>,
    /// The next page begins behind this; none when this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

impl EventList {
    pub(crate) fn of(items: Vec<EventLine>, next: Option<EventPlace>) -> Self {
        Self {
            items,
            next: next.map(|place| place.to_string()),
        }
    }
}
