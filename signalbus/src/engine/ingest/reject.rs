//! What came from a bus and cannot be taken: recorded as an event that is dead from the start.

use std::borrow::Cow;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Map, Value};

use super::super::Shared;
use crate::{
    bus::Place,
    event::Class,
    id::EventId,
    name::{TenantId, Topic},
    route::content::Content,
    store::{EndState, NewDelivery, NewEvent, Reason, RecipientKey},
    text::one_line,
};

/// The longest text about a rejection that is kept.
const LONGEST_DETAIL: usize = 500;

/// How much of a rejected payload is kept.
const LONGEST_PAYLOAD: usize = 64 * 1024;

/// What is known of an envelope that is rejected.
pub(super) struct Rejected<'a> {
    pub(super) id: EventId,
    pub(super) tenant: Option<TenantId>,
    pub(super) topic: Option<Topic>,
    pub(super) reason: Reason,
    pub(super) why: String,
    pub(super) payload: &'a [u8],
}

impl Rejected<'_> {
    /// An event whose only delivery is dead from the start.
    pub(super) fn event(self, shared: &Shared) -> NewEvent {
        let tenant = self.tenant.unwrap_or_default();
        let recipient_key = RecipientKey::of(&tenant, "");
        let content = Content::new(Vec::new(), kept(&without_secret(self.payload)));
        let mut delivery = NewDelivery::new(shared.planner.ids.delivery(), 0, recipient_key);
        delivery.order_key = recipient_key.half();
        delivery.ended = Some((EndState::Dead, self.reason));
        delivery.detail = Some(one_line(self.why, LONGEST_DETAIL));
        NewEvent {
            id: self.id,
            topic: self.topic.unwrap_or_else(Topic::unreadable),
            parent: None,
            class: Class::Standard,
            idempotency: None,
            content: content.encode(&[]).unwrap_or_default(),
            recipients: Vec::new(),
            secret: None,
            attachments: Vec::new(),
            deliveries: vec![delivery],
            tenant,
        }
    }
}

/// The id of an event that brought none of its own: the same each time it is read.
pub(super) fn derived(bus: &str, topic: &str, place: &Place) -> EventId {
    let place = match place {
        Place::Offset(offset) => format!("{}/{}", offset.partition, offset.next),
        Place::Tag(tag) => tag.to_string(),
    };
    EventId::derived(&["bus", bus, topic, &place])
}

/// A rejection is kept for long and shown to operators; a secret is neither.
fn without_secret(payload: &[u8]) -> Cow<'_, [u8]> {
    let name = b"\"secret\"";
    if !payload.windows(name.len()).any(|part| part == name) {
        return Cow::Borrowed(payload);
    }
    let Ok(Value::Object(mut fields)) = serde_json::from_slice(payload) else {
        return Cow::Borrowed(payload);
    };
    fields.remove("secret");
    if let Some(Value::Object(event)) = fields.get_mut("event") {
        event.remove("secret");
    }
    serde_json::to_vec(&fields).map_or(Cow::Borrowed(payload), Cow::Owned)
}

/// The bytes, as text where they are.
fn kept(payload: &[u8]) -> Value {
    let part = &payload[..payload.len().min(LONGEST_PAYLOAD)];
    let mut fields = Map::new();
    match std::str::from_utf8(part) {
        Ok(text) => fields.insert("text".to_owned(), Value::from(text)),
        Err(_) => fields.insert("base64".to_owned(), Value::from(STANDARD.encode(part))),
    };
    fields.insert("bytes".to_owned(), Value::from(payload.len()));
    Value::Object(Map::from_iter([(
        "rejected".to_owned(),
        Value::Object(fields),
    )]))
}

/// The bytes of a rejection, read back; and how many there were in all.
pub(crate) fn rejected_payload(content: &[u8]) -> Option<(Vec<u8>, usize)> {
    let content = Content::decode(content).ok()?;
    let rejected = content.data.get("rejected")?;
    let bytes = match (rejected.get("text"), rejected.get("base64")) {
        (Some(text), _) => text.as_str()?.as_bytes().to_vec(),
        (None, Some(coded)) => STANDARD.decode(coded.as_str()?).ok()?,
        (None, None) => return None,
    };
    let all = usize::try_from(rejected.get("bytes")?.as_u64()?).ok()?;
    Some((bytes, all))
}
