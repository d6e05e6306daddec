//! Acknowledging and starting over.

use super::{Harness, text};

/// What was not acknowledged comes again.
pub async fn the_unacknowledged_comes_again(h: Harness) {
    let mut reader = h.subscribe().await;
    h.publish("ada", &["1", "2", "3"]).await;
    assert_eq!(reader.texts(3).await, ["1", "2", "3"]);
    drop(reader);
    let mut again = h.subscribe().await;
    assert_eq!(again.texts(3).await, ["1", "2", "3"]);
}

/// What was acknowledged does not come again.
pub async fn the_acknowledged_does_not_come_again(h: Harness) {
    let mut reader = h.subscribe().await;
    for number in 0..20 {
        h.publish(&format!("key {number}"), &["old"]).await;
    }
    let mut old = Vec::new();
    while old.len() < 20 {
        old.extend(reader.next(100).await);
    }
    reader.ack_all(&old).await;
    drop(reader);
    let mut again = h.subscribe().await;
    h.publish("ada", &["new"]).await;
    assert_eq!(text(&again.next(1).await[0]), "new");
}

/// Acknowledging an envelope covers all before it on its partition, and none behind.
pub async fn an_acknowledgement_covers_what_is_before(h: Harness) {
    let mut reader = h.subscribe().await;
    h.publish("ada", &["1", "2", "3", "4"]).await;
    let read = reader.read(4).await;
    reader.ack(&read[2]).await;
    drop(reader);
    let mut again = h.subscribe().await;
    assert_eq!(text(&again.next(1).await[0]), "4");
}

/// A reader starts over where the store says: what it has stored is skipped.
pub async fn a_reader_may_skip_what_is_stored(h: Harness) {
    let mut reader = h.subscribe().await;
    h.publish("ada", &["1", "2", "3", "4"]).await;
    let read = reader.read(4).await;
    drop(reader);
    let mut again = h.subscribe().await;
    again.seek_behind(&read[1]).await;
    assert_eq!(again.texts(2).await, ["3", "4"]);
}

/// A reader may go back to what it did not acknowledge.
pub async fn a_reader_may_go_back(h: Harness) {
    let mut reader = h.subscribe().await;
    h.publish("ada", &["1", "2", "3", "4"]).await;
    let read = reader.read(4).await;
    reader.seek_behind(&read[0]).await;
    assert_eq!(reader.texts(3).await, ["2", "3", "4"]);
}
