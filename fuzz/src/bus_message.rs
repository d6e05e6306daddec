//! Events as they travel on a bus.

use signalbus::{EventId, fuzzing};

/// Takes bytes for a message.
pub fn target(data: &[u8]) {
    let Ok((id, event)) = fuzzing::from_bus(data) else {
        return;
    };
    let id = id.unwrap_or_else(|| EventId::derived(&["a bare event"]));
    let payload = fuzzing::to_bus(id, &event).expect("an event is JSON");
    let (read, event) = fuzzing::from_bus(&payload).expect("a bus carries what it was given");
    assert_eq!(read, Some(id));
    let again = fuzzing::to_bus(id, &event).expect("an event is JSON");
    assert_eq!(
        String::from_utf8_lossy(&again),
        String::from_utf8_lossy(&payload)
    );
}
