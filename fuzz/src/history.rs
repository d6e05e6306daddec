//! Lines of the history of a delivery.

use serde_json::Value;
use signalbus::store::{Entry, HistoryEntry};

/// Takes bytes for an entry, and for one with its time.
pub fn target(data: &[u8]) {
    if let Ok(entry) = serde_json::from_slice::<Entry>(data) {
        let json = serde_json::to_vec(&entry).expect("an entry is JSON");
        let again: Entry = serde_json::from_slice(&json).expect("it reads what it wrote");
        // What is not known is kept as it is. Of a field that was there twice one is left, and then it
        // may be known.
        if matches!(entry, Entry::Other(_)) {
            assert_eq!(value(&again), value(&entry));
        } else {
            assert_eq!(again, entry);
            takes_more(&json, &entry);
        }
    }
    if let Ok(line) = serde_json::from_slice::<HistoryEntry>(data) {
        let json = serde_json::to_vec(&line).expect("a line is JSON");
        let again: HistoryEntry = serde_json::from_slice(&json).expect("it reads what it wrote");
        assert_eq!(again.at, line.at);
        assert_eq!(value(&again.entry), value(&line.entry));
    }
}

/// A newer release may add fields to what happened.
fn takes_more(json: &[u8], entry: &Entry) {
    let mut value: Value = serde_json::from_slice(json).expect("JSON");
    let what = value
        .as_object_mut()
        .and_then(|entry| entry.values_mut().next())
        .and_then(Value::as_object_mut)
        .expect("what happened is an object");
    what.insert("not known yet".to_owned(), Value::Bool(true));
    assert_eq!(
        serde_json::from_value::<Entry>(value).ok().as_ref(),
        Some(entry)
    );
}

fn value(entry: &Entry) -> Value {
    serde_json::to_value(entry).expect("an entry is JSON")
}
