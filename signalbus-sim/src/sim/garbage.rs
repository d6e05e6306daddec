//! What a bus may carry that nobody can read.

use std::sync::Arc;

use signalbus::{Bus as _, bus::Envelope};

use super::{bus::SimBus, world::World};
use crate::history::Seen;

/// `#` stands for a digit of a number: an event with the id of another is that event.
const PAYLOADS: [&[u8]; 9] = [
    b"",
    b"\xff\xfe\0",
    b"not JSON",
    b"{\"signalbus\":",
    b"[]",
    b"{\"signalbus\":1,\"id\":7,\"event\":{}}",
    b"{\"signalbus\":1,\"id\":\"019a0000-0000-7000-8000-000000000000\",\"event\":{\"topic\":17}}",
    b"{\"signalbus\":1,\"id\":\"019a0000-0000-7000-8000-############\",\"event\":{\"topic\":\"two words\",\"to\":[]}}",
    b"{\"signalbus\":1,\"id\":\"019a0000-0000-7000-8000-############\",\"event\":{\"topic\":\"ping.plain\",\
      \"tenant\":\"../tenant-0\",\"idempotency\":\"none\",\"to\":[{\"id\":\"person-0\"}]}}",
];

/// How many kinds there are.
pub(super) const KINDS: u64 = 9;

/// Hands something to the bus that is no event.
pub(super) async fn hand(world: Arc<World>, bus: SimBus, topic: String, kind: u64) {
    let payload = usize::try_from(kind)
        .ok()
        .and_then(|kind| PAYLOADS.get(kind))
        .copied()
        .unwrap_or_default();
    let number = format!("{:012}", world.journal.number());
    let mut digits = number.bytes();
    let payload: Vec<u8> = payload
        .iter()
        .map(|byte| match byte {
            b'#' => digits.next().unwrap_or(b'0'),
            byte => *byte,
        })
        .collect();
    let envelope = Envelope::new(topic, *b"garbage", payload);
    let handed = bus.publish(vec![envelope]).await.is_ok();
    world.journal.write("stranger", Seen::Garbage { handed });
}
