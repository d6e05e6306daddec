use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use signalbus_core::{
    Attachment, Class, Event, Idempotency, Order, Recipient, TenantId, Timestamp, TraceContext,
    directory::RecipientProfile, event::Addresses,
};
use utoipa::ToSchema;

use super::object::{objects, objects_or_none};
use crate::api::problem::{Answer, Problem, Wrong};

/// An event to publish. The tenant is that of the key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Event)]
pub(crate) struct EventIn {
    /// What it is about, such as `user.signup`. Left out where the path says it.
    #[serde(default)]
    #[schema(max_length = 128, pattern = "^[A-Za-z0-9._-]+$")]
    topic: Option<String>,
    /// Who should hear of it.
    #[serde(deserialize_with = "objects")]
    #[schema(min_items = 1)]
    to: Vec<RecipientIn>,
    /// What templates may use as `data`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    /// How a repeated publish is recognised; the header `Idempotency-Key` says it as well. One of
    /// the two is needed.
    #[serde(default)]
    idempotency: Option<IdempotencyIn>,
    /// How urgent it is.
    #[serde(default)]
    #[schema(value_type = Option<ClassWord>)]
    class: Option<Class>,
    /// The language for recipients that name none, as a BCP 47 tag such as `pt-BR`.
    #[serde(default)]
    locale: Option<String>,
    /// Not before this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    send_at: Option<Timestamp>,
    /// Not at or after this time.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = DateTime)]
    expires_at: Option<Timestamp>,
    /// The order of messages to one recipient.
    #[serde(default)]
    #[schema(value_type = Option<OrderWord>)]
    order: Option<Order>,
    /// What a channel takes beside its templates, by channel name.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    options: Option<Map<String, Value>>,
    /// Files sent along by channels that can.
    #[serde(default, deserialize_with = "objects_or_none")]
    #[schema(value_type = Option<Vec<AttachmentIn>>)]
    attachments: Option<Vec<Attachment>>,
}

/// Who should hear of an event.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = Recipient)]
pub(crate) struct RecipientIn {
    /// A recipient of the directory. What is known there is put in where it is not said here, and their
    /// id is this. It is looked up when the event is published: once they were changed, the same event is
    /// another one.
    #[serde(default)]
    profile: Option<String>,
    /// The application's own id of the person.
    #[serde(default)]
    id: Option<String>,
    /// What to call them.
    #[serde(default)]
    name: Option<String>,
    /// Their language as a BCP 47 tag.
    #[serde(default)]
    locale: Option<String>,
    /// What templates may use as `recipient.data`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    /// Where they are reached on each channel, by channel name: an address, or several.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, AddressesWord>)]
    addresses: BTreeMap<String, Addresses>,
}

/// How a repeated publish is recognised: `{"key": "…"}`, `{"fields": ["…"]}` or `"none"`.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Idempotency)]
pub(crate) enum IdempotencyIn {
    /// This key, 1 to 255 bytes.
    Key(String),
    /// A key derived from the topic and these fields of the data.
    Fields(Vec<String>),
    /// Every publish is a new event.
    None,
}

/// A file sent along.
#[derive(Serialize, ToSchema)]
#[schema(as = Attachment)]
pub(crate) struct AttachmentIn {
    /// What the recipient sees, such as `invoice.pdf`.
    file_name: String,
    /// The media type, such as `application/pdf`.
    content_type: String,
    /// Set for an image shown inside the HTML part as `cid:…`.
    content_id: Option<String>,
    /// The bytes, in base64.
    content: String,
}

/// Where a recipient is reached on one channel.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = Addresses)]
#[expect(dead_code, reason = "for the document: the core's own type is read")]
pub(crate) enum AddressesWord {
    One(String),
    Many(Vec<String>),
}

/// How urgent an event is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Class)]
#[expect(dead_code, reason = "for the document: the core's own type is read")]
enum ClassWord {
    Urgent,
    Standard,
    Bulk,
}

/// The order of messages to one recipient.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = Order)]
#[expect(dead_code, reason = "for the document: the core's own type is read")]
enum OrderWord {
    None,
    Start,
    Strict,
    StrictBlocking,
}

/// What comes beside the body of an event.
#[derive(Debug, Clone, Default)]
pub(crate) struct Frame {
    /// The topic of the path.
    pub(crate) topic: Option<String>,
    /// The header `Idempotency-Key`.
    pub(crate) key: Option<String>,
    /// The headers `traceparent` and `tracestate`.
    pub(crate) trace: Option<TraceContext>,
}

impl EventIn {
    /// Whether it says how a repeat is recognised.
    pub(crate) fn has_key(&self) -> bool {
        self.idempotency.is_some()
    }

    /// Every time it is a new event.
    pub(crate) fn without_key(mut self) -> Self {
        self.idempotency = Some(IdempotencyIn::None);
        self
    }

    /// The recipients of the directory that it names.
    pub(crate) fn profiles(&self) -> impl Iterator<Item = &str> {
        self.to.iter().filter_map(|to| to.profile.as_deref())
    }

    /// Puts in what is known of its recipients.
    pub(crate) fn fill(
        &mut self,
        known: &BTreeMap<String, Option<RecipientProfile>>,
    ) -> Answer<()> {
        for (place, to) in self.to.iter_mut().enumerate() {
            let Some(id) = to.profile.take() else {
                continue;
            };
            let Some(Some(profile)) = known.get(&id) else {
                return Err(Problem::new(
                    Wrong::Invalid,
                    "this tenant has no such recipient: make one, or give the addresses here",
                )
                .field(format!("to[{place}].profile")));
            };
            to.fill(id, profile);
        }
        Ok(())
    }

    pub(crate) fn recipients(&self) -> usize {
        self.to.len()
    }

    /// The event of a tenant.
    pub(crate) fn into_event(self, frame: &Frame, tenant: &TenantId) -> Answer<Event> {
        let topic = one_of(self.topic, frame.topic.clone(), "topic")?.ok_or_else(|| {
            Problem::new(Wrong::Invalid, "say what the event is about").field("topic")
        })?;
        let idempotency = self.idempotency.map(|said| match said {
            IdempotencyIn::Key(key) => Idempotency::Key(key),
            IdempotencyIn::Fields(fields) => Idempotency::Fields(fields),
            IdempotencyIn::None => Idempotency::None,
        });
        let header = frame.key.clone().map(Idempotency::Key);
        let idempotency = one_of(idempotency, header, "idempotency")?.ok_or_else(|| {
            Problem::new(
                Wrong::Malformed,
                "say how a repeat is recognised: send the header Idempotency-Key, or \
                 `\"idempotency\": \"none\"` when every publish is a new event",
            )
            .field("idempotency")
        })?;
        let mut event = Event::new(topic, idempotency);
        event.tenant = Some(tenant.to_string());
        event.to = self
            .to
            .into_iter()
            .map(RecipientIn::into_recipient)
            .collect();
        event.data = Value::Object(self.data.unwrap_or_default());
        event.class = self.class.unwrap_or_default();
        event.locale = self.locale;
        event.send_at = self.send_at;
        event.expires_at = self.expires_at;
        event.order = self.order.unwrap_or_default();
        event.options = self.options.unwrap_or_default();
        event.attachments = self.attachments.unwrap_or_default();
        event.trace = frame.trace.clone();
        Ok(event)
    }
}

impl RecipientIn {
    fn fill(&mut self, id: String, profile: &RecipientProfile) {
        self.id.get_or_insert(id);
        self.name = self.name.take().or_else(|| profile.name.clone());
        self.locale = self.locale.take().or_else(|| profile.locale.clone());
        if self.data.is_none() {
            self.data = profile.data.as_object().cloned();
        }
        for (channel, address) in &profile.addresses {
            self.addresses
                .entry(channel.clone())
                .or_insert_with(|| address.clone());
        }
    }

    pub(crate) fn into_recipient(self) -> Recipient {
        let mut recipient = Recipient::new().data(self.data.map_or(Value::Null, Value::Object));
        recipient.id = self.id;
        recipient.name = self.name;
        recipient.locale = self.locale;
        recipient.addresses = self.addresses;
        recipient
    }
}

/// What was said in one of two places, or in both alike.
fn one_of<T: PartialEq>(body: Option<T>, beside: Option<T>, field: &str) -> Answer<Option<T>> {
    match (body, beside) {
        (Some(body), Some(beside)) if body != beside => Err(Problem::new(
            Wrong::Malformed,
            "the body says something else than the path or the header: say it once",
        )
        .field(field)),
        (body, beside) => Ok(body.or(beside)),
    }
}
