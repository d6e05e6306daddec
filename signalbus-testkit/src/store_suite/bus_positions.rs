//! Positions on a bus, which move in the transaction that stores what was read (P1).

use signalbus_core::store::{BusAdvance, BusPosition, NewEvent, StoreErrorKind};

use super::{Harness, acme};

/// P1: events and position are stored together.
pub async fn a_position_moves_with_its_events(h: Harness) {
    let event = NewEvent::from(h.event().to("ada"));
    let id = event.id;
    h.store()
        .accept(vec![event], vec![advance("group", 0, 0, 12)])
        .await
        .unwrap();
    assert_eq!(positions(&h, "group").await, [at("group", 0, 12)]);
    assert!(h.store().event(&acme(), id).await.unwrap().is_some());
}

/// P1: when another consumer was there, nothing is stored, and no position moves.
pub async fn a_stale_position_stores_nothing(h: Harness) {
    h.store()
        .accept(Vec::new(), vec![advance("group", 0, 0, 12)])
        .await
        .unwrap();
    for expected in [0, 11, 13] {
        let event = NewEvent::from(h.event().to("ada"));
        let id = event.id;
        let moves = vec![advance("group", 1, 0, 7), advance("group", 0, expected, 20)];
        let error = h.store().accept(vec![event], moves).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::StalePosition, "{expected}");
        assert!(h.store().event(&acme(), id).await.unwrap().is_none());
        assert_eq!(positions(&h, "group").await, [at("group", 0, 12)]);
    }
}

/// P1: of two consumers that read the same envelopes, one stores them.
pub async fn one_of_two_consumers_wins(h: Harness) {
    let store = h.store();
    let read = || {
        let event = NewEvent::from(h.event().to("ada"));
        store.accept(vec![event], vec![advance("group", 0, 0, 5)])
    };
    let (one, two) = tokio::join!(read(), read());
    let won = [one.is_ok(), two.is_ok()];
    assert_eq!(won.iter().filter(|won| **won).count(), 1, "{won:?}");
    assert_eq!(positions(&h, "group").await, [at("group", 0, 5)]);
}

/// Positions are told apart by bus, group, topic and partition.
pub async fn positions_stand_apart(h: Harness) {
    let mut elsewhere = advance("group", 0, 0, 3);
    elsewhere.position.bus = "kafka-2".to_owned();
    let mut topic = advance("group", 0, 0, 4);
    topic.position.topic = "invoices".to_owned();
    let moves = vec![
        advance("group", 0, 0, 1),
        advance("group", 1, 0, 2),
        advance("others", 0, 0, 9),
        elsewhere,
        topic.clone(),
    ];
    h.store().accept(Vec::new(), moves).await.unwrap();
    h.store()
        .accept(Vec::new(), vec![advance("group", 0, 1, 6)])
        .await
        .unwrap();
    let mut found = positions(&h, "group").await;
    found.sort_by_key(|position| position.next);
    assert_eq!(
        found,
        [at("group", 1, 2), topic.position, at("group", 0, 6)]
    );
    assert_eq!(positions(&h, "others").await, [at("others", 0, 9)]);
    assert_eq!(positions(&h, "unknown").await, []);
}

fn advance(group: &str, partition: u32, expected: u64, next: u64) -> BusAdvance {
    BusAdvance {
        position: at(group, partition, next),
        expected,
    }
}

fn at(group: &str, partition: u32, next: u64) -> BusPosition {
    BusPosition {
        bus: "kafka".to_owned(),
        group: group.to_owned(),
        topic: "events".to_owned(),
        partition,
        next,
    }
}

async fn positions(h: &Harness, group: &str) -> Vec<BusPosition> {
    h.store().bus_positions("kafka", group).await.unwrap()
}
