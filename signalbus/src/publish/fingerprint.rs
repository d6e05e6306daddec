//! The key of an event and what it stands for (promise P7).

use std::collections::BTreeSet;

use serde_json::{Number, Value};
use sha2::{Digest, Sha256};

use super::{InvalidEvent, check::LONGEST_KEY};
use crate::{
    event::{Event, Idempotency},
    name::Topic,
    store::{Fingerprint, IdempotencyRecord},
};

pub(super) fn record(
    event: &Event,
    topic: &Topic,
) -> Result<Option<IdempotencyRecord>, InvalidEvent> {
    let key = match &event.idempotency {
        Idempotency::None => return Ok(None),
        Idempotency::Key(key) => key.clone(),
        Idempotency::Fields(fields) => derived(event, topic, fields)?,
    };
    debug_assert!(key.len() <= LONGEST_KEY, "keys are checked before");
    Ok(Some(IdempotencyRecord {
        key,
        fingerprint: fingerprint(event),
    }))
}

/// The topic and a hash over the named fields, so that no value ends up in a key.
fn derived(event: &Event, topic: &Topic, fields: &[String]) -> Result<String, InvalidEvent> {
    if fields.is_empty() {
        return Err(InvalidEvent::new(
            "idempotency",
            "names no field; name one, or choose none()",
        ));
    }
    let mut hasher = Sha256::new();
    // A set: in which order they are named, and how often, says nothing.
    let fields: BTreeSet<&String> = fields.iter().collect();
    for field in fields {
        let value = event.data.get(field).ok_or_else(|| {
            InvalidEvent::new(
                "idempotency",
                format!("the data has no field named {field}"),
            )
        })?;
        feed_text(&mut hasher, field);
        feed(&mut hasher, value);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut key = String::with_capacity(topic.as_str().len() + 1 + 32);
    key.push_str(topic.as_str());
    key.push('#');
    for byte in &digest[..16] {
        key.push_str(&format!("{byte:02x}"));
    }
    Ok(key)
}

/// Everything that decides what is sent to whom and when. The trace is not part of it, nor is the secret:
/// a fingerprint is kept, and a code of six digits would be found by trying all.
fn fingerprint(event: &Event) -> Fingerprint {
    let mut hasher = Sha256::new();
    feed_text(&mut hasher, &event.topic);
    hasher.update([
        u8::try_from(event.class.index()).unwrap_or(u8::MAX),
        event.order as u8,
    ]);
    feed_option(&mut hasher, event.locale.as_deref());
    for time in [event.send_at, event.expires_at] {
        hasher.update([u8::from(time.is_some())]);
        hasher.update(
            time.map_or(0, jiff::Timestamp::as_microsecond)
                .to_be_bytes(),
        );
    }
    feed(&mut hasher, &event.data);
    feed_length(&mut hasher, event.options.len());
    feed_sorted(&mut hasher, &event.options);
    feed_length(&mut hasher, event.to.len());
    for recipient in &event.to {
        feed_option(&mut hasher, recipient.id.as_deref());
        feed_option(&mut hasher, recipient.name.as_deref());
        feed_option(&mut hasher, recipient.locale.as_deref());
        feed(&mut hasher, &recipient.data);
        feed_length(&mut hasher, recipient.addresses.len());
        for (channel, addresses) in &recipient.addresses {
            feed_text(&mut hasher, channel);
            feed_length(&mut hasher, addresses.iter().len());
            for address in addresses {
                feed_text(&mut hasher, address);
            }
        }
    }
    feed_length(&mut hasher, event.attachments.len());
    for attachment in &event.attachments {
        feed_text(&mut hasher, &attachment.file_name);
        feed_text(&mut hasher, &attachment.content_type);
        feed_option(&mut hasher, attachment.content_id.as_deref());
        feed_length(&mut hasher, attachment.content.len());
        hasher.update(&attachment.content);
    }
    Fingerprint(hasher.finalize().into())
}

/// Canonical: independent of the order in which an object's fields were written, and of whether
/// the host's `serde_json` preserves it.
fn feed(hasher: &mut Sha256, value: &Value) {
    match value {
        Value::Null => hasher.update(b"n"),
        Value::Bool(value) => hasher.update(if *value { b"t" } else { b"f" }),
        Value::Number(number) => {
            hasher.update(b"d");
            feed_text(hasher, &by_value(number));
        }
        Value::String(text) => {
            hasher.update(b"s");
            feed_text(hasher, text);
        }
        Value::Array(items) => {
            hasher.update(b"a");
            feed_length(hasher, items.len());
            items.iter().for_each(|item| feed(hasher, item));
        }
        Value::Object(fields) => {
            hasher.update(b"o");
            feed_length(hasher, fields.len());
            feed_sorted(hasher, fields);
        }
    }
}

/// One text for each value: 1, 1.0 and 1e0 are the same, and so are 0 and -0.0.
fn by_value(number: &Number) -> String {
    let text = number.to_string();
    let is_whole = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'-')
    };
    if is_whole(&text) {
        return if text == "-0" { "0".to_owned() } else { text };
    }
    // Standard formatting writes whole values without a fraction, and all others as short as they can be read back.
    match number.as_f64() {
        Some(0.0) => "0".to_owned(),
        Some(value) if value.is_finite() => value.to_string(),
        _ => text,
    }
}

fn feed_sorted(hasher: &mut Sha256, fields: &serde_json::Map<String, Value>) {
    let mut fields: Vec<(&String, &Value)> = fields.iter().collect();
    fields.sort_unstable_by_key(|(name, _)| *name);
    for (name, value) in fields {
        feed_text(hasher, name);
        feed(hasher, value);
    }
}

fn feed_option(hasher: &mut Sha256, text: Option<&str>) {
    hasher.update([u8::from(text.is_some())]);
    feed_text(hasher, text.unwrap_or_default());
}

fn feed_text(hasher: &mut Sha256, text: &str) {
    feed_length(hasher, text.len());
    hasher.update(text);
}

fn feed_length(hasher: &mut Sha256, length: usize) {
    hasher.update(u64::try_from(length).unwrap_or(u64::MAX).to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Recipient;
    use serde_json::json;

    fn event(data: Value) -> Event {
        let mut recipient = Recipient::new();
        recipient
            .addresses
            .insert("email".into(), "ada@example.org".into());
        Event::new("a.b", Idempotency::fields(["x"]))
            .to(recipient)
            .data(data)
    }

    fn key(event: &Event) -> IdempotencyRecord {
        record(event, &Topic::new("a.b").unwrap()).unwrap().unwrap()
    }

    #[test]
    fn the_order_of_fields_does_not_matter_and_their_values_do() {
        let one: Value = serde_json::from_str(r#"{"x":1,"y":[1,2]}"#).unwrap();
        let two: Value = serde_json::from_str(r#"{"y":[1,2],"x":1}"#).unwrap();
        assert_eq!(key(&event(one.clone())), key(&event(two)));
        let other = key(&event(json!({"x": 1, "y": [12]})));
        assert_eq!(other.key, key(&event(one.clone())).key);
        assert_ne!(other.fingerprint, key(&event(one)).fingerprint);
        assert_ne!(
            key(&event(json!({"x": 2}))).key,
            key(&event(json!({"x": "2"}))).key
        );
    }

    #[test]
    fn fields_are_a_set_and_numbers_are_compared_by_value() {
        let of = |fields: &[&str], data: &str| {
            let mut event = event(serde_json::from_str(data).unwrap());
            let fields = fields.iter().map(|field| (*field).to_owned());
            event.idempotency = Idempotency::Fields(fields.collect());
            key(&event)
        };
        let one = of(&["n", "m"], r#"{"n": 1, "m": 0, "x": [100, 0.5]}"#);
        assert_eq!(one, of(&["m", "n"], r#"{"n": 1, "m": 0, "x": [100, 0.5]}"#));
        assert_eq!(
            one,
            of(&["n", "m", "n"], r#"{"n": 1, "m": 0, "x": [100, 0.5]}"#)
        );
        assert_eq!(
            one,
            of(&["n", "m"], r#"{"n": 1.0, "m": -0.0, "x": [1e2, 5e-1]}"#)
        );
        assert_ne!(
            one.key,
            of(&["n"], r#"{"n": 1, "m": 0, "x": [100, 0.5]}"#).key
        );
        assert_ne!(
            one.key,
            of(&["n", "m"], r#"{"n": 1.5, "m": 0, "x": [100, 0.5]}"#).key
        );
        let large = |number: &str| of(&["n"], &format!(r#"{{"n": {number}}}"#)).key;
        assert_ne!(large("9007199254740993"), large("9007199254740992"));
        assert_eq!(large("9007199254740992.0"), large("9007199254740992"));
        assert_eq!(large("1e19"), large("10000000000000000000"));
    }

    #[test]
    fn a_missing_field_is_named() {
        let error = record(&event(json!({})), &Topic::new("a.b").unwrap()).unwrap_err();
        assert_eq!(
            error.to_string(),
            "idempotency: the data has no field named x"
        );
    }
}
