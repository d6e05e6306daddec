//! How an event travels on a bus: JSON with a version and the event's id. Other programs may write
//! the bare JSON of an event, too.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::{event::Event, id::EventId, text::without_value};

/// The newest version that this library reads and writes. Raise it with every field that is added
/// to what an event carries: an older reader holds what it does not know, and never drops it.
const VERSION: u32 = 1;

/// The newest version that is read.
#[cfg(not(test))]
fn known() -> u32 {
    VERSION
}

#[cfg(test)]
pub(crate) use tests::known;

#[derive(Serialize, Deserialize)]
struct Wire<E> {
    signalbus: u32,
    id: EventId,
    event: E,
}

/// What an envelope held.
#[derive(Debug)]
pub(crate) enum Carried {
    /// Written by this library.
    Ours(EventId, Event),
    /// The bare JSON of an event.
    Foreign(Event),
}

/// Why an envelope cannot be read.
#[derive(Debug)]
pub(crate) enum Uncarried {
    /// Written by a newer version of this library, which will read it.
    Newer(u32),
    /// It will never be read.
    Unreadable(String),
}

pub(crate) fn encode(id: EventId, event: &Event) -> Result<Bytes, serde_json::Error> {
    let wire = Wire {
        signalbus: VERSION,
        id,
        event,
    };
    serde_json::to_vec(&wire).map(Bytes::from)
}

pub(crate) fn decode(payload: &[u8]) -> Result<Carried, Uncarried> {
    #[derive(Deserialize)]
    struct Version {
        signalbus: Option<u32>,
    }
    let error = match serde_json::from_slice::<Wire<Event>>(payload) {
        Ok(wire) if wire.signalbus <= known() => return Ok(Carried::Ours(wire.id, wire.event)),
        Ok(wire) => return Err(Uncarried::Newer(wire.signalbus)),
        Err(error) => error,
    };
    let unreadable = |error: &serde_json::Error| {
        let why = format!("no event as JSON: {}", without_value(error));
        Err(Uncarried::Unreadable(why))
    };
    match serde_json::from_slice::<Version>(payload) {
        Ok(Version { signalbus: Some(v) }) if v > known() => Err(Uncarried::Newer(v)),
        Ok(Version { signalbus: None }) => match serde_json::from_slice(payload) {
            Ok(event) => Ok(Carried::Foreign(event)),
            Err(error) => unreadable(&error),
        },
        _ => unreadable(&error),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static KNOWN: Cell<u32> = const { Cell::new(VERSION) };
    }

    pub(crate) fn known() -> u32 {
        KNOWN.get()
    }

    /// From now on engines of this thread read up to this version, as an older library does.
    pub(crate) fn read_up_to(version: u32) {
        KNOWN.set(version);
    }

    const EVENT: &str = r#"{"topic":"a","to":[],"idempotency":"none"}"#;

    fn wire(version: u32, event: &str) -> String {
        let id = uuid::Uuid::from_u128(7);
        format!(r#"{{"signalbus":{version},"id":"{id}","event":{event}}}"#)
    }

    #[test]
    fn what_is_written_is_read() {
        let event: Event = serde_json::from_str(EVENT).unwrap();
        let id = EventId::from_uuid(uuid::Uuid::from_u128(7));
        let bytes = encode(id, &event).unwrap();
        assert!(matches!(decode(&bytes), Ok(Carried::Ours(read, _)) if read == id));
    }

    #[test]
    fn a_newer_version_is_known_as_such_whatever_it_holds() {
        let unknown = EVENT.replace(r#""to""#, r#""gather":7,"to""#);
        for event in [EVENT, &unknown, "[]"] {
            let error = decode(wire(VERSION + 1, event).as_bytes()).unwrap_err();
            assert!(matches!(error, Uncarried::Newer(2)), "{event}");
        }
    }

    #[test]
    fn bare_events_of_others_are_read_strictly() {
        assert!(matches!(decode(EVENT.as_bytes()), Ok(Carried::Foreign(_))));
        let misspelt = EVENT.replace("topic", "tpoic");
        for text in [&misspelt, "", "7", r#"{"signalbus":1}"#, &wire(1, "{}")] {
            let error = decode(text.as_bytes()).unwrap_err();
            assert!(matches!(error, Uncarried::Unreadable(_)), "{text}");
        }
    }
}
