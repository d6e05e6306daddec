//! An envelope as the fields of an entry: `k` key, `p` payload, `h` headers as JSON.

use bytes::Bytes;
use redis::{Cmd, Value};
use signalbus_core::bus::Envelope;

/// An entry that was read: what the stream calls it, and what it holds. One that another program
/// wrote in another form has all of it as its payload.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: String,
    pub(crate) envelope: Envelope,
}

pub(crate) fn add(stream: &str, envelope: &Envelope) -> Cmd {
    let mut add = redis::cmd("XADD");
    add.arg(stream)
        .arg("*")
        .arg("k")
        .arg(envelope.key.as_slice())
        .arg("p")
        .arg(envelope.payload.as_ref());
    if !envelope.headers.is_empty() {
        let headers = serde_json::to_string(&envelope.headers).unwrap_or_default();
        add.arg("h").arg(headers);
    }
    add
}

/// Reads `[id, [field, value, ...]]`; none for an entry that was deleted meanwhile.
pub(crate) fn read(topic: &str, value: Value) -> Option<Entry> {
    let Value::Array(parts) = value else {
        return None;
    };
    let mut parts = parts.into_iter();
    let id = text(parts.next()?)?;
    let Some(Value::Array(fields)) = parts.next() else {
        return None;
    };
    let mut envelope = Envelope::new(topic, Vec::new(), Bytes::new());
    let mut fields = fields.into_iter().map(bytes);
    while let (Some(name), Some(value)) = (fields.next(), fields.next()) {
        match name.as_slice() {
            b"k" => envelope.key = value,
            b"h" => {
                envelope.headers = serde_json::from_slice(&value).unwrap_or_default();
            }
            b"p" => envelope.payload = value.into(),
            _ => {}
        }
    }
    Some(Entry { id, envelope })
}

fn bytes(value: Value) -> Vec<u8> {
    match value {
        Value::BulkString(bytes) => bytes,
        Value::SimpleString(text) => text.into_bytes(),
        _ => Vec::new(),
    }
}

pub(crate) fn text(value: Value) -> Option<String> {
    String::from_utf8(bytes(value))
        .ok()
        .filter(|text| !text.is_empty())
}
