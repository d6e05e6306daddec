use serde_json::Value;

use super::InvalidEvent;
use crate::clock::Timestamp;
use crate::event::{Attachment, Event, Idempotency, Recipient};

/// How large an event may be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PublishLimits {
    /// Recipients of one event: 1,000 by default. Publish a larger audience in chunks, each with
    /// its own key.
    pub recipients: usize,
    /// Bytes of an event as JSON, files aside: 256 KiB by default.
    pub bytes: usize,
    /// How deep data may be nested: 64 by default, 120 at most, as JSON is read back no deeper.
    pub depth: usize,
    /// Recipients of all events of one call: 10,000 by default. They are stored in one transaction,
    /// and whoever else writes waits for its end.
    pub batch: usize,
}

/// JSON is read back 128 levels deep, and what an event carries lies a few levels down.
const MAX_DEPTH: usize = 120;

impl Default for PublishLimits {
    fn default() -> Self {
        Self {
            recipients: 1_000,
            bytes: 256 * 1024,
            depth: 64,
            batch: 10_000,
        }
    }
}

impl PublishLimits {
    /// Sets the recipients of one event.
    #[must_use]
    pub fn with_recipients(mut self, recipients: usize) -> Self {
        self.recipients = recipients;
        self
    }

    /// Sets the recipients of all events of one call.
    #[must_use]
    pub fn with_batch(mut self, recipients: usize) -> Self {
        self.batch = recipients;
        self
    }

    /// Sets the bytes of an event as JSON, files aside.
    #[must_use]
    pub fn with_bytes(mut self, bytes: usize) -> Self {
        self.bytes = bytes;
        self
    }
}

/// The longest idempotency key.
pub(super) const LONGEST_KEY: usize = 255;
const LONGEST_TAG: usize = 64;
const LONGEST_ID: usize = 255;
/// As long as the name of a mailbox may be.
const LONGEST_NAME: usize = 320;
const LONGEST_ADDRESS: usize = 2_048;
const MOST_ADDRESSES: usize = 20;

/// Checks what no type checks. What depends on channels is checked by the planner.
pub(super) fn check(event: &Event, limits: &PublishLimits) -> Result<(), InvalidEvent> {
    if event.to.is_empty() {
        return Err(InvalidEvent::new(
            "to",
            "has no recipient; name at least one",
        ));
    }
    if event.to.len() > limits.recipients {
        let problem = format!(
            "has {} recipients; at most {} go into one event: publish the rest in chunks",
            event.to.len(),
            limits.recipients
        );
        return Err(InvalidEvent::new("to", problem));
    }
    let depth = limits.depth.min(MAX_DEPTH);
    check_depth(|| "data".to_owned(), &event.data, depth)?;
    if let Some(secret) = &event.secret {
        check_depth(|| "secret".to_owned(), secret, depth)?;
    }
    for (channel, options) in &event.options {
        check_depth(|| format!("options.{channel}"), options, depth)?;
    }
    if event.locale.as_deref().is_some_and(|tag| !is_locale(tag)) {
        return Err(InvalidEvent::new(
            "locale",
            "is not a BCP 47 tag such as pt-BR",
        ));
    }
    if let (Some(expires_at), Some(send_at)) = (event.expires_at, event.send_at)
        && expires_at <= send_at
    {
        return Err(InvalidEvent::new(
            "expires_at",
            "is not after send_at: it would never be sent",
        ));
    }
    for (index, recipient) in event.to.iter().enumerate() {
        check_recipient(index, recipient, depth)?;
    }
    if let Idempotency::Key(key) = &event.idempotency
        && (key.is_empty() || key.len() > LONGEST_KEY || key.contains('\0'))
    {
        let problem = format!("a key has 1 to {LONGEST_KEY} bytes and no NUL");
        return Err(InvalidEvent::new("idempotency", problem));
    }
    Attachment::check_all(&event.attachments)
        .map_err(|error| InvalidEvent::new("attachments", error.to_string()))
}

fn check_recipient(index: usize, recipient: &Recipient, depth: usize) -> Result<(), InvalidEvent> {
    let field = |name: &str| format!("to[{index}].{name}");
    check_depth(|| field("data"), &recipient.data, depth)?;
    if let Some(id) = &recipient.id
        && (id.is_empty() || id.len() > LONGEST_ID || id.contains('\0'))
    {
        let problem = format!("an id has 1 to {LONGEST_ID} bytes and no NUL");
        return Err(InvalidEvent::new(field("id"), problem));
    }
    // What else a name must not have is for its channel to say: a text message has no use for it.
    if recipient
        .name
        .as_ref()
        .is_some_and(|name| name.len() > LONGEST_NAME)
    {
        let problem = format!("a name has at most {LONGEST_NAME} bytes");
        return Err(InvalidEvent::new(field("name"), problem));
    }
    for (channel, addresses) in &recipient.addresses {
        let wrong = |problem| {
            Err(InvalidEvent::new(
                field(&format!("addresses.{channel}")),
                problem,
            ))
        };
        if addresses.iter().len() > MOST_ADDRESSES {
            return wrong(format!(
                "a recipient has at most {MOST_ADDRESSES} addresses on a channel"
            ));
        }
    }
    Ok(())
}

/// For a store that cannot tell several addresses apart.
pub(super) fn one_address(event: &Event) -> Result<(), InvalidEvent> {
    for (index, recipient) in event.to.iter().enumerate() {
        for (channel, addresses) in &recipient.addresses {
            if addresses.iter().len() > 1 {
                let field = format!("to[{index}].addresses.{channel}");
                let problem = "has several addresses, and this store sends to one only: name one";
                return Err(InvalidEvent::new(field, problem));
            }
        }
    }
    Ok(())
}

/// Checks what would be stored in one transaction.
pub(crate) fn check_batch(events: &[Event], limits: &PublishLimits) -> Result<(), InvalidEvent> {
    let recipients: usize = events.iter().map(|event| event.to.len()).sum();
    if recipients > limits.batch && events.len() > 1 {
        let problem = format!(
            "have {recipients} recipients together; at most {} are published in one call: publish \
             them in chunks",
            limits.batch
        );
        return Err(InvalidEvent::new("events", problem));
    }
    Ok(())
}

/// Checks that an event can still be sent. Where it was stored or handed over before, it is no more its
/// publisher's to mend.
pub(crate) fn check_expiry(event: &Event, now: Timestamp) -> Result<(), InvalidEvent> {
    // With a key it may be a repeat, and the answer to the first time is the store's to give.
    let unkeyed = matches!(event.idempotency, Idempotency::None);
    if unkeyed && event.expires_at.is_some_and(|at| at < now) {
        return Err(InvalidEvent::new(
            "expires_at",
            "has passed: it would never be sent",
        ));
    }
    Ok(())
}

/// Whether it is empty, which is as good as none, or may be a BCP 47 tag.
fn is_locale(tag: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    tag.len() <= LONGEST_TAG && tag.bytes().all(plain)
}

/// The locale, unless it is empty or cannot be one: that costs nobody else anything.
pub(super) fn usable_locale(locale: Option<String>) -> Option<String> {
    locale.filter(|tag| !tag.is_empty() && is_locale(tag))
}

/// Why an address is not even looked at.
pub(super) fn address_problem(address: &str) -> Option<String> {
    (address.len() > LONGEST_ADDRESS)
        .then(|| format!("an address has at most {LONGEST_ADDRESS} bytes"))
}

/// Takes an event apart, so that values nested however deep are dropped without recursion.
pub(super) fn dismantle(event: Event) {
    let mut rest = vec![event.data];
    rest.extend(event.secret);
    rest.extend(event.options.into_iter().map(|(_, options)| options));
    rest.extend(event.to.into_iter().map(|recipient| recipient.data));
    while let Some(value) = rest.pop() {
        match value {
            Value::Array(items) => rest.extend(items),
            Value::Object(fields) => rest.extend(fields.into_iter().map(|(_, value)| value)),
            _ => {}
        }
    }
}

fn check_depth(
    field: impl FnOnce() -> String,
    value: &Value,
    limit: usize,
) -> Result<(), InvalidEvent> {
    if is_within(value, limit) {
        Ok(())
    } else {
        Err(InvalidEvent::new(
            field(),
            format!("is nested more than {limit} levels deep"),
        ))
    }
}

/// Recurses no deeper than the limit: a deep value cannot exhaust the stack.
fn is_within(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(items) => levels > 0 && items.iter().all(|item| is_within(item, levels - 1)),
        Value::Object(fields) => {
            levels > 0 && fields.values().all(|field| is_within(field, levels - 1))
        }
        _ => true,
    }
}
