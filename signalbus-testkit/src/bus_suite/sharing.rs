//! The acknowledged kind: each envelope is for one member, until it is acknowledged.

use std::collections::BTreeSet;

use signalbus_core::bus::BusKind;

use super::{Harness, in_time, text};

/// It says what it is, and has no partitions.
pub async fn it_has_no_partitions(h: Harness) {
    assert_eq!(h.bus.kind(), BusKind::Acknowledged);
    assert!(h.bus.partitions(&h.topic).await.is_err());
    let mut reader = h.bus.subscribe(&h.topic, &h.group).await.unwrap();
    assert!(reader.assign(Vec::new()).await.is_err());
}

/// The members of a group together get everything, and each envelope once.
pub async fn members_share_the_work(h: Harness) {
    let mut one = h.subscribe().await;
    let mut two = h.subscribe().await;
    for number in 0..40 {
        h.publish(&format!("key {number}"), &[&number.to_string()])
            .await;
    }
    let mut texts = BTreeSet::new();
    in_time(async {
        while texts.len() < 40 {
            // Cancel safe: whoever is not first is asked again.
            let batch = tokio::select! {
                batch = one.next(10) => batch,
                batch = two.next(10) => batch,
            };
            for delivered in batch {
                assert!(texts.insert(text(&delivered)), "{texts:?}");
            }
        }
    })
    .await;
}

/// When a member leaves, another gets what was not acknowledged, with word that it is a repeat.
pub async fn a_member_that_leaves_is_replaced(h: Harness) {
    let mut leaving = h.subscribe().await;
    h.publish("ada", &["1", "2"]).await;
    let read = leaving.read(2).await;
    leaving.ack(&read[..1]).await;
    drop(leaving);
    let mut staying = h.subscribe().await;
    h.publish("ada", &["3"]).await;
    let read = staying.read(2).await;
    let told: BTreeSet<(String, bool)> = read
        .iter()
        .map(|delivered| (text(delivered), delivered.repeats > 0))
        .collect();
    let expected = [("2".to_owned(), true), ("3".to_owned(), false)];
    assert_eq!(told, BTreeSet::from(expected));
}

/// What was acknowledged does not come again, in whatever order that was said.
pub async fn the_acknowledged_does_not_come_again(h: Harness) {
    let mut reader = h.subscribe().await;
    h.publish("ada", &["1", "2", "3", "4"]).await;
    let mut read = reader.read(4).await;
    let second = read.remove(1);
    read.reverse();
    reader.ack(&read).await;
    drop(reader);
    let mut again = h.subscribe().await;
    assert_eq!(again.texts(1).await, [text(&second)]);
    assert!(again.glance().is_none_or(|batch| batch.is_empty()));
}
