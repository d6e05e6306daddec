use serde::{Deserialize, Serialize};
use serde_json::Value;
use signalbus_core::{
    TenantId, Timestamp,
    name::{ChannelName, ProviderName, Topic},
    store::{
        DeliveryFilter, DeliveryRecord, EndState, EventRecord, HistoryEntry, Page, Reason,
        RecipientKey, State,
    },
};
use utoipa::{IntoParams, ToSchema};
use uuid::Uuid;

use crate::api::problem::{Answer, Problem, Wrong};

/// A delivery: one event, recipient and channel.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Delivery)]
pub(crate) struct DeliveryOut {
    /// Its id.
    id: Uuid,
    /// Its event.
    event: Uuid,
    /// What its event is about.
    topic: String,
    /// The place of its recipient in the event.
    recipient: u32,
    /// Its channel; none when there was no route.
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<String>,
    /// Where it is: `waiting`, `sending`, or how it ended.
    state: &'static str,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// Counts redrives.
    generation: u32,
    /// The last attempt of this generation.
    attempt: u32,
    /// When it becomes sendable, if it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    due: Option<Timestamp>,
    /// When it is worth nothing any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// When its event was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    ended_at: Option<Timestamp>,
    /// Who took it.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// The provider's id of the message.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_message_id: Option<String>,
    /// The highest rung its receipts reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<String>,
}

/// A page of deliveries.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryList {
    /// In the order of their acceptance.
    items: Vec<DeliveryOut>,
    /// The next page begins behind this; none when this is the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// One delivery, what happened to it, and why.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct DeliveryDetail {
    /// Where it is.
    delivery: DeliveryOut,
    /// What happened, oldest first.
    history: Vec<HistoryOut>,
    /// The same as a story.
    explanation: String,
}

/// One line of a delivery's history.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = History)]
pub(crate) struct HistoryOut {
    /// When it was written.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What happened: `attempt`, `ended`, `cancelled`, `redriven` or `receipt`, with what belongs to
    /// it.
    #[schema(value_type = Object)]
    entry: Value,
}

/// An event with its deliveries. Its content is not shown.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StoredEvent)]
pub(crate) struct EventOut {
    /// Its id.
    id: Uuid,
    /// What it is about.
    topic: String,
    /// How urgent it is.
    class: &'static str,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    accepted_at: Timestamp,
    /// Its deliveries. One that is `dead` for `conflict` or `unreadable`, of an event that came over
    /// a bus, says that the event was rejected.
    deliveries: Vec<DeliveryOut>,
}

/// Deliveries to whom, or their events, and which page of them. In a body, as paths are logged.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressSearch {
    /// On which channel.
    pub(crate) channel: String,
    /// The address.
    pub(crate) address: String,
    /// Of this topic.
    #[serde(default)]
    topic: Option<String>,
    /// As in the list of deliveries.
    #[serde(default)]
    state: Option<String>,
    /// Ended for this reason.
    #[serde(default)]
    reason: Option<String>,
    /// Taken by this provider.
    #[serde(default)]
    provider: Option<String>,
    /// Accepted at or after this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    accepted_from: Option<Timestamp>,
    /// Accepted before this time.
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

/// Which deliveries, and which page of them.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct DeliveryQuery {
    /// Of this event.
    #[serde(default)]
    event: Option<String>,
    /// Of this topic.
    #[serde(default)]
    topic: Option<String>,
    /// On this channel.
    #[serde(default)]
    channel: Option<String>,
    /// `waiting`, `held`, `sending`, `accepted`, `dead`, `expired`, `cancelled`, `suppressed`, `not_needed`
    /// or `outcome_unknown`.
    #[serde(default)]
    state: Option<String>,
    /// Ended for this reason, such as `attempts_exhausted`.
    #[serde(default)]
    reason: Option<String>,
    /// To this recipient: the application's own id.
    #[serde(default)]
    recipient: Option<String>,
    /// Taken by this provider.
    #[serde(default)]
    provider: Option<String>,
    /// That the provider calls this.
    #[serde(default)]
    message: Option<String>,
    /// Accepted at or after this time.
    #[serde(default)]
    #[param(value_type = Option<String>, format = DateTime)]
    accepted_from: Option<Timestamp>,
    /// Accepted before this time.
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

impl AddressSearch {
    /// The filter it says beside the address; whose deliveries is for somebody else to say.
    pub(crate) fn filter(&self) -> Answer<DeliveryFilter> {
        filter(&FilterWords {
            topic: self.topic.as_deref(),
            state: self.state.as_deref(),
            reason: self.reason.as_deref(),
            provider: self.provider.as_deref(),
            accepted_from: self.accepted_from,
            accepted_before: self.accepted_before,
            ..FilterWords::default()
        })
    }
}

impl DeliveryQuery {
    /// These are dead letters unless it says otherwise.
    pub(crate) fn of_the_dead(mut self) -> Answer<Self> {
        let state = self.state.get_or_insert_with(|| "dead".to_owned());
        if matches!(
            state.as_str(),
            "dead" | "expired" | "suppressed" | "outcome_unknown"
        ) {
            return Ok(self);
        }
        let problem = "must be dead, expired, suppressed or outcome_unknown: these can be redriven";
        Err(Problem::new(Wrong::Invalid, problem).field("state"))
    }

    /// The filter it says of this tenant.
    pub(crate) fn filter(&self, tenant: &TenantId) -> Answer<DeliveryFilter> {
        let mut filter = self.words()?;
        if let Some(id) = &self.recipient {
            filter = filter.recipient(RecipientKey::of(tenant, id));
        }
        Ok(filter)
    }

    fn words(&self) -> Answer<DeliveryFilter> {
        filter(&FilterWords {
            event: self.event.as_deref(),
            topic: self.topic.as_deref(),
            channel: self.channel.as_deref(),
            state: self.state.as_deref(),
            reason: self.reason.as_deref(),
            provider: self.provider.as_deref(),
            message: self.message.as_deref(),
            accepted_from: self.accepted_from,
            accepted_before: self.accepted_before,
        })
    }
}

/// A filter in words.
#[derive(Debug, Default)]
pub(super) struct FilterWords<'a> {
    pub(super) event: Option<&'a str>,
    pub(super) topic: Option<&'a str>,
    pub(super) channel: Option<&'a str>,
    pub(super) state: Option<&'a str>,
    pub(super) reason: Option<&'a str>,
    pub(super) provider: Option<&'a str>,
    pub(super) message: Option<&'a str>,
    pub(super) accepted_from: Option<Timestamp>,
    pub(super) accepted_before: Option<Timestamp>,
}

pub(super) fn filter(words: &FilterWords<'_>) -> Answer<DeliveryFilter> {
    let wrong = |field: &str, problem: &str| Problem::new(Wrong::Invalid, problem).field(field);
    let mut filter = DeliveryFilter::new();
    if let Some(event) = words.event {
        let id = event
            .parse()
            .map_err(|_| wrong("event", "must be the id of an event, a UUID"))?;
        filter = filter.event(id);
    }
    if let Some(topic) = words.topic {
        let topic = Topic::new(topic).map_err(|error| wrong("topic", &error.to_string()))?;
        filter = filter.topic(topic);
    }
    if let Some(channel) = words.channel {
        let channel =
            ChannelName::new(channel).map_err(|error| wrong("channel", &error.to_string()))?;
        filter = filter.channel(channel);
    }
    if let Some(state) = words.state {
        let state = state_of(state).ok_or_else(|| {
            wrong(
                "state",
                "must be waiting, held, sending, accepted, dead, expired, cancelled, suppressed, \
                 not_needed or outcome_unknown",
            )
        })?;
        filter = filter.state(state);
    }
    if let Some(reason) = words.reason {
        filter = filter.reason(Reason::from(reason.to_owned()));
    }
    if let Some(provider) = words.provider {
        let provider =
            ProviderName::new(provider).map_err(|error| wrong("provider", &error.to_string()))?;
        filter = filter.provider(provider);
    }
    if let Some(message) = words.message {
        filter = filter.message_id(message);
    }
    filter.accepted_from = words.accepted_from;
    filter.accepted_before = words.accepted_before;
    Ok(filter)
}

fn state_of(word: &str) -> Option<State> {
    [State::Waiting, State::Held, State::Sending]
        .into_iter()
        .chain(EndState::ALL.map(State::Ended))
        .find(|state| state.as_str() == word)
}

impl DeliveryOut {
    pub(crate) fn of(record: DeliveryRecord) -> Self {
        Self {
            id: *record.id.as_uuid(),
            event: *record.event.as_uuid(),
            topic: record.topic.into(),
            recipient: record.recipient,
            channel: record.channel.map(String::from),
            state: record.state.as_str(),
            reason: record.reason.map(String::from),
            generation: record.generation,
            attempt: record.attempt,
            due: record.due,
            expires_at: record.expires_at,
            accepted_at: record.accepted_at,
            ended_at: record.ended_at,
            provider: record.provider.map(String::from),
            provider_message_id: record.provider_message_id,
            receipt: record.receipt.map(String::from),
        }
    }
}

impl DeliveryList {
    pub(crate) fn of(page: Page<DeliveryRecord>) -> Self {
        let next = page.next.and_then(|next| next.after);
        Self {
            items: page.items.into_iter().map(DeliveryOut::of).collect(),
            next: next.map(|position| position.0.to_string()),
        }
    }
}

impl DeliveryDetail {
    pub(crate) fn of(
        record: DeliveryRecord,
        history: Vec<HistoryEntry>,
        explanation: String,
    ) -> Self {
        let history = history.into_iter().map(|line| HistoryOut {
            at: line.at,
            entry: serde_json::to_value(line.entry).unwrap_or_default(),
        });
        Self {
            delivery: DeliveryOut::of(record),
            history: history.collect(),
            explanation,
        }
    }
}

impl EventOut {
    pub(crate) fn of(record: EventRecord) -> Self {
        let EventRecord {
            event, deliveries, ..
        } = record;
        Self {
            id: *event.id.as_uuid(),
            topic: event.topic.into(),
            class: event.class.as_str(),
            accepted_at: event.accepted_at,
            deliveries: deliveries.into_iter().map(DeliveryOut::of).collect(),
        }
    }
}
