//! The positioned kind: partitions and offsets.

use std::collections::{BTreeMap, BTreeSet};

use signalbus_core::{
    bus::{BusKind, Partition, Start, TroubleKind},
    clock::{Clock as _, SystemClock},
};

use super::{Harness, offset, text};

/// It says what it is, and how many partitions a topic has.
pub async fn it_has_partitions(h: Harness) {
    assert_eq!(h.bus.kind(), BusKind::Positioned);
    assert!(h.bus.partitions(&h.topic).await.unwrap() > 1);
}

/// Offsets of a partition rise, and name the place behind the envelope.
pub async fn offsets_rise(h: Harness) {
    let mut reader = h.subscribe().await;
    for number in 0..20 {
        h.publish(&format!("key {number}"), &[&number.to_string()])
            .await;
    }
    let mut last: BTreeMap<u32, u64> = BTreeMap::new();
    for delivered in reader.read(20).await {
        let offset = offset(&delivered);
        let before = last.insert(offset.partition, offset.next);
        assert!(offset.next > before.unwrap_or(0));
    }
}

/// Keys spread over the partitions.
pub async fn keys_spread(h: Harness) {
    let mut reader = h.subscribe().await;
    for number in 0..64 {
        h.publish(&format!("key {number}"), &[&number.to_string()])
            .await;
    }
    let read = reader.read(64).await;
    let partitions: BTreeSet<u32> = read.iter().map(|one| offset(one).partition).collect();
    assert!(partitions.len() > 1);
}

/// A member reads what it is assigned, and nothing else.
pub async fn partitions_are_read_by_whom_they_are_assigned_to(h: Harness) {
    let all = h.all(Start::Earliest).await;
    let (left, right) = all.split_at(1);
    let mut one = h.member(&h.topic, &h.group).await;
    let mut two = h.member(&h.topic, &h.group).await;
    one.assign(left.to_vec()).await;
    two.assign(right.to_vec()).await;
    for number in 0..64 {
        h.publish(&format!("key {number}"), &[&number.to_string()])
            .await;
    }
    let mut texts = BTreeSet::new();
    while texts.len() < 64 {
        // Cancel safe: whoever is not first is asked again.
        let (batch, is_left) = tokio::select! {
            batch = one.next(10) => (batch, true),
            batch = two.next(10) => (batch, false),
        };
        for delivered in batch {
            assert_eq!(offset(&delivered).partition == left[0].partition, is_left);
            texts.insert(text(&delivered));
        }
    }
}

/// A partition that is taken away is not read on, and whoever has it next starts where it is told.
pub async fn a_partition_changes_hands(h: Harness) {
    let mut one = h.subscribe().await;
    h.publish("ada", &["1", "2", "3"]).await;
    let read = one.read(3).await;
    let second = offset(&read[1]);
    let rest: Vec<Partition> = h.all(Start::Earliest).await;
    let rest = rest
        .into_iter()
        .filter(|one| one.partition != second.partition);
    assert_eq!(one.assign(rest.collect()).await, []);
    let mut two = h.member(&h.topic, &h.group).await;
    let start = Start::Offset(second.next);
    let partition = second.partition;
    let started = two.assign(vec![Partition { partition, start }]).await;
    assert_eq!(started, [second]);
    h.publish("ada", &["4"]).await;
    assert_eq!(two.texts(2).await, ["3", "4"]);
    assert!(one.glance().is_none_or(|batch| batch.is_empty()));
}

/// What stays assigned goes on where it is, whatever its start says.
pub async fn what_stays_assigned_goes_on(h: Harness) {
    let mut reader = h.subscribe().await;
    h.publish("ada", &["1", "2"]).await;
    reader.read(2).await;
    assert_eq!(reader.assign(h.all(Start::Earliest).await).await, []);
    h.publish("ada", &["3"]).await;
    let next = reader.next(10).await;
    assert_eq!(next.iter().map(text).collect::<Vec<_>>(), ["3"]);
}

/// A group may start with what comes from now on.
pub async fn a_reader_may_start_at_the_end(h: Harness) {
    h.publish("ada", &["old"]).await;
    let mut reader = h.member(&h.topic, &h.group).await;
    let all = h.all(Start::Latest).await;
    let partitions = all.len();
    assert_eq!(reader.assign(all).await.len(), partitions);
    h.publish("ada", &["new"]).await;
    assert_eq!(reader.texts(1).await, ["new"]);
}

/// A group may start at a time.
pub async fn a_reader_may_start_at_a_time(h: Harness) {
    let clock = SystemClock::new();
    let pause = std::time::Duration::from_millis(20);
    h.publish("ada", &["old"]).await;
    clock.sleep(pause).await;
    let then = clock.now();
    clock.sleep(pause).await;
    h.publish("ada", &["new"]).await;
    let mut reader = h.member(&h.topic, &h.group).await;
    reader.assign(h.all(Start::At(then)).await).await;
    assert_eq!(reader.texts(1).await, ["new"]);
}

/// A place that is not there is told once, and stops its partition alone.
pub async fn a_place_that_is_gone_is_told(h: Harness) {
    h.publish("ada", &["1"]).await;
    let mut all = h.all(Start::Earliest).await;
    let count = all.len();
    let mut reader = h.member(&h.topic, &h.group).await;
    let far = 1 << 40;
    let end = reader.assign(h.all(Start::Latest).await).await;
    let end = end.iter().find(|offset| offset.partition == 0).copied();
    let end = end.map_or(0, |offset| offset.next);
    all[0].start = Start::Offset(end + far);
    let mut reader = h.member(&h.topic, &h.group).await;
    assert_eq!(reader.assign(all).await.len(), count);
    let mut troubles = Vec::new();
    while troubles.is_empty() {
        troubles = reader.batch(10).await.troubles;
    }
    let [trouble] = troubles.as_slice() else {
        panic!("{troubles:?}");
    };
    assert_eq!((trouble.partition, trouble.at), (0, end + far));
    let TroubleKind::Gone { earliest, latest } = trouble.kind else {
        panic!("{trouble:?}");
    };
    assert!(earliest <= latest && latest == end);
    // Assigned anew, it is read.
    reader.assign(Vec::new()).await;
    reader.assign(h.all(Start::Earliest).await).await;
    assert_eq!(reader.texts(1).await, ["1"]);
}
