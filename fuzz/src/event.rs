//! Events as JSON, and what the engine makes of them.

use serde_json::Value;
use signalbus::{Answer, Event, Prepare, fuzzing, store::NewEvent};

use crate::{engine::engine, secret};

/// Takes bytes for an event.
pub fn target(data: &[u8]) {
    let Ok(event) = serde_json::from_slice::<Event>(data) else {
        return;
    };
    let read = comes_back(&event);
    let hides = !secret::is_in(&open_text(&event));
    if hides {
        secret::not_debugged(&event);
    }
    is_planned(event, read, hides);
}

/// Writes it as JSON and reads it again.
fn comes_back(event: &Event) -> Event {
    let json = serde_json::to_string(event).expect("an event is JSON");
    let read: Event = serde_json::from_str(&json).expect("JSON is an event");
    let again = serde_json::to_string(&read).expect("an event is JSON");
    assert_eq!(again, json);
    read
}

/// An event and the same event after a journey are the same to the engine.
fn is_planned(event: Event, same: Event, hides: bool) {
    let engine = engine();
    let plan = engine.plan(&event);
    let preview = engine.render(&event);
    let prepared = engine.prepare(event.clone());
    if hides {
        if let Err(error) = &plan {
            secret::not_told_by(error);
        }
        if let Err(error) = &preview {
            secret::not_told_by(error);
        }
        secret::not_debugged(&prepared);
    }
    let prepared = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            assert!(engine.prepare(same).is_err());
            if hides {
                secret::not_told_by(&error);
            }
            return;
        }
    };
    let plan = plan.expect("what can be prepared can be planned");
    let (new, published) = prepared.into_parts();
    assert_eq!(plan.deliveries.len(), new.deliveries.len());
    assert_eq!(published.routes.len(), new.deliveries.len());
    for (route, (planned, delivery)) in published
        .routes
        .iter()
        .zip(plan.deliveries.iter().zip(&new.deliveries))
    {
        assert_eq!(route.answer, planned.answer);
        assert_eq!(route.delivery, delivery.id);
        let sent = matches!(route.answer, Answer::Queued | Answer::Scheduled(_));
        assert_eq!(sent, delivery.ended.is_none());
        assert_eq!(sent, delivery.address.is_some());
    }
    fuzzing::content(&new.content).expect("the engine reads its own record");

    let payload = fuzzing::to_bus(new.id, &event).expect("an event is JSON");
    let (id, arrived) = fuzzing::from_bus(&payload).expect("a bus carries what it was given");
    assert_eq!(id, Some(new.id));
    for copy in [same, arrived] {
        let copy = engine.prepare(copy).expect("the same event is as good");
        is_same(&copy.into_parts().0, &new);
    }
}

fn is_same(copy: &NewEvent, event: &NewEvent) {
    assert_eq!(copy.idempotency, event.idempotency);
    assert_eq!(copy.attachments, event.attachments);
    let of = |event: &NewEvent| -> Vec<_> {
        let deliveries = event.deliveries.iter();
        deliveries
            .map(|one| {
                (
                    one.recipient_key,
                    one.order_key,
                    one.address,
                    one.send_at,
                    one.expires_at,
                )
            })
            .collect()
    };
    assert_eq!(of(copy), of(event));
}

/// What is no content, and may be shown: names, languages, keys, times.
fn open_text(event: &Event) -> String {
    let mut text = format!(
        "{} {:?} {:?} ",
        event.topic, event.tenant, event.idempotency
    );
    text.push_str(event.locale.as_deref().unwrap_or_default());
    names_in(&event.data, &mut text);
    for (channel, options) in &event.options {
        text.push_str(channel);
        names_in(options, &mut text);
        header_names_in(options, &mut text);
    }
    for recipient in &event.to {
        text.push_str(recipient.locale.as_deref().unwrap_or_default());
        text.extend(recipient.addresses.keys().map(String::as_str));
        names_in(&recipient.data, &mut text);
    }
    for attachment in &event.attachments {
        text.push_str(&attachment.content_type);
    }
    text
}

fn names_in(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| names_in(item, text)),
        Value::Object(fields) => {
            for (name, value) in fields {
                text.push_str(name);
                names_in(value, text);
            }
        }
        _ => {}
    }
}

/// The names of headers are named in errors; their values are not.
fn header_names_in(options: &Value, text: &mut String) {
    let headers = options.get("headers").and_then(Value::as_array);
    for header in headers.into_iter().flatten() {
        text.push_str(
            header
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default(),
        );
    }
}
