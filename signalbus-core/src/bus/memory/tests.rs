use std::{collections::BTreeMap, time::Duration};

use super::MemoryBus;
use crate::{
    Bus, SystemClock,
    bus::{BusErrorKind, Envelope, Offset, Subscription},
};

fn envelope(payload: &'static str) -> Envelope {
    Envelope {
        topic: "events".to_owned(),
        key: b"ada".to_vec(),
        headers: BTreeMap::new(),
        payload: payload.as_bytes().into(),
    }
}

async fn subscribe(bus: &MemoryBus, group: &str) -> Box<dyn Subscription> {
    bus.subscribe(&["events".to_owned()], group).await.unwrap()
}

async fn read(subscription: &mut dyn Subscription) -> Vec<(String, Offset)> {
    let batch = subscription.next(100).await.unwrap().into_iter();
    batch
        .map(|delivered| {
            let text = String::from_utf8(delivered.envelope.payload.to_vec()).unwrap();
            (text, delivered.next)
        })
        .collect()
}

#[tokio::test]
async fn a_closed_bus_does_nothing_any_more() {
    let bus = MemoryBus::new();
    let mut subscription = subscribe(&bus, "group").await;
    let (waited, ()) = tokio::join!(subscription.next(1), async {
        tokio::task::yield_now().await;
        bus.close();
    });
    let place = Offset {
        topic: "events".to_owned(),
        partition: 0,
        next: 0,
    };
    for error in [
        waited.unwrap_err(),
        bus.publish(vec![envelope("1")]).await.unwrap_err(),
        bus.clone()
            .subscribe(&["a".to_owned()], "b")
            .await
            .unwrap_err(),
        subscription.ack(vec![place.clone()]).await.unwrap_err(),
        subscription.seek(place).await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), BusErrorKind::Closed);
    }
}

#[tokio::test]
async fn a_late_group_starts_with_the_oldest_that_somebody_needs() {
    let bus = MemoryBus::new();
    let mut first = subscribe(&bus, "first").await;
    bus.publish(["1", "2", "3"].map(envelope).to_vec())
        .await
        .unwrap();
    let batch = read(&mut *first).await;
    first.ack(vec![batch[1].1.clone()]).await.unwrap();
    let mut late = subscribe(&bus, "late").await;
    let batch = read(&mut *late).await;
    assert_eq!(batch.len(), 1);
    assert_eq!(batch[0].0, "3");
}

#[tokio::test]
async fn a_bus_made_later_counts_from_a_later_place() {
    let clock = SystemClock::new();
    let last = {
        let bus = MemoryBus::with_clock(&clock);
        let mut subscription = subscribe(&bus, "group").await;
        bus.publish(vec![envelope("1")]).await.unwrap();
        read(&mut *subscription).await.remove(0).1
    };
    crate::clock::Clock::sleep(&clock, Duration::from_millis(1)).await;
    let bus = MemoryBus::with_clock(&clock);
    bus.publish(vec![envelope("2")]).await.unwrap();
    let mut subscription = subscribe(&bus, "group").await;
    subscription.seek(last.clone()).await.unwrap();
    let batch = read(&mut *subscription).await;
    assert_eq!(batch[0].0, "2");
    assert!(batch[0].1.next > last.next);
}

#[tokio::test]
async fn a_place_that_never_was_is_refused() {
    let bus = MemoryBus::new();
    let mut subscription = subscribe(&bus, "group").await;
    bus.publish(vec![envelope("1")]).await.unwrap();
    let (_, mut place) = read(&mut *subscription).await.remove(0);
    place.next += 1;
    let error = subscription.seek(place.clone()).await.unwrap_err();
    assert_eq!(error.kind(), BusErrorKind::Invalid);
    place.partition = MemoryBus::PARTITIONS;
    let error = subscription.ack(vec![place]).await.unwrap_err();
    assert_eq!(error.kind(), BusErrorKind::Invalid);
    assert_eq!(
        bus.subscribe(&[], "group").await.unwrap_err().kind(),
        BusErrorKind::Invalid
    );
}

#[tokio::test]
async fn a_member_that_joins_takes_over_a_share() {
    let bus = MemoryBus::new();
    let mut one = subscribe(&bus, "group").await;
    let mut two = subscribe(&bus, "group").await;
    for number in 0..64_u8 {
        let mut envelope = envelope("x");
        envelope.key = vec![number];
        bus.publish(vec![envelope]).await.unwrap();
    }
    let partitions = |batch: Vec<(String, Offset)>| -> Vec<u32> {
        let mut partitions: Vec<u32> = batch.iter().map(|(_, at)| at.partition).collect();
        partitions.sort_unstable();
        partitions.dedup();
        partitions
    };
    assert_eq!(partitions(read(&mut *one).await), [0, 2, 4, 6]);
    assert_eq!(partitions(read(&mut *two).await), [1, 3, 5, 7]);
    drop(one);
    assert_eq!(partitions(read(&mut *two).await), [0, 2, 4, 6]);
}
