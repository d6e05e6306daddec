//! What an application publishes.

mod addresses;
mod attachment;
mod class;
mod idempotency;
mod notification;
mod order;
mod recipient;

pub use addresses::Addresses;
pub use attachment::{Attachment, AttachmentError};
pub use class::Class;
pub use idempotency::Idempotency;
pub use notification::Notification;
pub use order::Order;
pub use recipient::Recipient;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::trace::TraceContext;

/// One thing that happened and who should hear of it.
///
/// Plain data: it is checked when it is published, so that building one never fails. The same
/// shape is read from JSON.
///
/// ```
/// use signalbus::event::{Event, Idempotency, Recipient};
///
/// let event = Event::new("invoice.paid", Idempotency::key("invoice-88213"))
///     .to(Recipient::new().email("ada@example.org").locale("de"))
///     .data(serde_json::json!({ "amount": "12.50 EUR" }));
/// # assert_eq!(event.topic, "invoice.paid");
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// What it is about; the policy maps it to channels.
    pub topic: String,
    /// Whose event it is; `default` when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Who should hear of it.
    pub to: Vec<Recipient>,
    /// What templates may use as `data`.
    #[serde(default)]
    pub data: Value,
    /// What templates may use as `secret`, such as a code: kept until the last delivery of the event
    /// has ended, and shown in no query. It is no part of what a repeat is compared by, and a
    /// redrive of an event that had ended finds it gone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<Value>,
    /// How a repeated publish is recognised.
    pub idempotency: Idempotency,
    /// How urgent it is.
    #[serde(default)]
    pub class: Class,
    /// The language for recipients that name none, as a BCP 47 tag such as `pt-BR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// Not before this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub send_at: Option<Timestamp>,
    /// Not at or after this time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// The order of messages to one recipient.
    #[serde(default)]
    pub order: Order,
    /// What a channel takes beside its templates, by channel name; see
    /// [`Channel::Options`](crate::channel::Channel::Options).
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub options: Map<String, Value>,
    /// Files sent along by channels that can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The trace that caused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<TraceContext>,
}

impl Event {
    /// An event without recipients or data. The caller decides how a repeat is recognised.
    #[must_use]
    pub fn new(topic: impl Into<String>, idempotency: Idempotency) -> Self {
        Self {
            topic: topic.into(),
            tenant: None,
            to: Vec::new(),
            data: Value::Object(Map::new()),
            secret: None,
            idempotency,
            class: Class::default(),
            locale: None,
            send_at: None,
            expires_at: None,
            order: Order::default(),
            options: Map::new(),
            attachments: Vec::new(),
            trace: None,
        }
    }

    /// An event from a typed notification.
    ///
    /// # Errors
    /// When the notification does not serialize to a JSON object.
    pub fn of<N: Notification>(notification: &N) -> Result<Self, serde_json::Error> {
        let data = serde_json::to_value(notification)?;
        if !data.is_object() {
            return Err(serde::ser::Error::custom(
                "a notification must serialize to a JSON object",
            ));
        }
        let mut event = Self::new(N::TOPIC, notification.idempotency());
        event.class = N::CLASS;
        event.data = data;
        Ok(event)
    }

    /// Adds a recipient.
    #[must_use]
    pub fn to(mut self, recipient: Recipient) -> Self {
        if self.to.is_empty() {
            // Most events have one.
            self.to.reserve_exact(1);
        }
        self.to.push(recipient);
        self
    }

    /// Sets what templates may use as `data`.
    #[must_use]
    pub fn data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    /// Sets what templates may use as `secret` until the event has ended.
    ///
    /// ```
    /// # use signalbus::event::{Event, Idempotency, Recipient};
    /// let event = Event::new("login.code", Idempotency::key("login-4711"))
    ///     .to(Recipient::new().sms("+4930123456"))
    ///     .secret(serde_json::json!({ "code": "314159" }));
    /// # assert!(!format!("{event:?}").contains("314159"));
    /// ```
    #[must_use]
    pub fn secret(mut self, secret: Value) -> Self {
        self.secret = Some(secret);
        self
    }

    /// Sets whose event it is.
    #[must_use]
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Sets how urgent it is.
    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// Sets the language for recipients that name none.
    #[must_use]
    pub fn locale(mut self, locale: impl Into<String>) -> Self {
        self.locale = Some(locale.into());
        self
    }

    /// Not before this time.
    #[must_use]
    pub fn send_at(mut self, at: Timestamp) -> Self {
        self.send_at = Some(at);
        self
    }

    /// Not at or after this time: better never than late.
    #[must_use]
    pub fn expires_at(mut self, at: Timestamp) -> Self {
        self.expires_at = Some(at);
        self
    }

    /// Sets the order of messages to one recipient.
    #[must_use]
    pub fn order(mut self, order: Order) -> Self {
        self.order = order;
        self
    }

    /// Adds a file.
    #[must_use]
    pub fn attach(mut self, attachment: Attachment) -> Self {
        self.attachments.push(attachment);
        self
    }

    /// Sets the trace that caused it.
    #[must_use]
    pub fn trace(mut self, trace: TraceContext) -> Self {
        self.trace = Some(trace);
        self
    }
}

impl std::fmt::Debug for Event {
    /// Names no recipient and shows no content.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Event")
            .field("topic", &self.topic)
            .field("tenant", &self.tenant)
            .field("recipients", &self.to.len())
            .field("idempotency", &self.idempotency)
            .field("class", &self.class)
            .finish_non_exhaustive()
    }
}
