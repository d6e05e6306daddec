//! Events as Mailgun tells them ("Webhook Payloads", 2026).

use serde_json::{Map, Value, json};
use signalbus_core::clock::Timestamp;

use super::Mail;

pub(super) fn event(mail: &Mail, event: &str, at: Timestamp, number: u64, more: &Value) -> Value {
    let variables: Map<String, Value> = mail
        .fields
        .iter()
        .filter_map(|(name, value)| {
            let name = name.strip_prefix("v:")?;
            Some((name.to_owned(), value.clone().into()))
        })
        .collect();
    let to = mail.field("to").unwrap_or_default();
    let address = to
        .rsplit_once('<')
        .map_or(to, |(_, rest)| rest.trim_end_matches('>'));
    let domain = address.rsplit_once('@').map_or("", |(_, domain)| domain);
    let seconds = Value::from(at.as_millisecond())
        .as_f64()
        .unwrap_or_default()
        / 1000.0;
    let mut event = json!({
        "id": format!("fake-{number:018}"),
        "event": event,
        "timestamp": seconds,
        "log-level": "info",
        "account": { "id": "1234567890303a4bd1f33898" },
        "domain": { "name": mail.domain },
        "recipient": address,
        "recipient-domain": domain,
        "message": { "headers": {
            "message-id": mail.id,
            "from": mail.field("from"),
            "to": to,
            "subject": mail.field("subject"),
        } },
        "flags": { "is-test-mode": mail.field("o:testmode").is_some() },
        "tags": mail.all("o:tag").collect::<Vec<_>>(),
        "user-variables": variables,
    });
    merge(&mut event, more);
    event
}

/// Fields of the second take the place of those of the first, objects within too.
fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (name, value) in more {
                merge(into.entry(name.clone()).or_insert(Value::Null), value);
            }
        }
        (_, Value::Null) => {}
        (into, more) => *into = more.clone(),
    }
}
