use std::time::Duration;

use super::MemoryBus;
use crate::{
    Bus, SystemClock,
    bus::{BusErrorKind, Envelope, Offset, Partition, Place, Start, Subscription, TroubleKind},
    clock::Clock as _,
};

fn envelope(payload: &'static str) -> Envelope {
    Envelope::new("events", *b"ada", payload.as_bytes())
}

async fn subscribe(bus: &MemoryBus, group: &str) -> Box<dyn Subscription> {
    let mut subscription = bus.subscribe("events", group).await.unwrap();
    assign(&mut *subscription, Start::Earliest).await;
    subscription
}

async fn assign(subscription: &mut dyn Subscription, start: Start) -> Vec<Offset> {
    let all = (0..MemoryBus::PARTITIONS).map(|partition| Partition { partition, start });
    subscription.assign(all.collect()).await.unwrap()
}

async fn read(subscription: &mut dyn Subscription) -> Vec<(String, Place)> {
    let batch = subscription.next(100).await.unwrap();
    let delivered = batch.delivered.into_iter();
    delivered
        .map(|delivered| {
            let text = String::from_utf8(delivered.envelope.payload.to_vec()).unwrap();
            (text, delivered.place)
        })
        .collect()
}

fn offset(place: &Place) -> Offset {
    match place {
        Place::Offset(offset) => *offset,
        Place::Tag(tag) => panic!("{tag} is no offset"),
    }
}

#[tokio::test]
async fn a_closed_bus_does_nothing_any_more() {
    let bus = MemoryBus::new();
    let mut subscription = subscribe(&bus, "group").await;
    let (waited, ()) = tokio::join!(subscription.next(1), async {
        tokio::task::yield_now().await;
        bus.close();
    });
    let place = Place::Offset(Offset {
        partition: 0,
        next: 0,
    });
    for error in [
        waited.unwrap_err(),
        bus.publish(vec![envelope("1")]).await.unwrap_err(),
        bus.clone().subscribe("a", "b").await.unwrap_err(),
        subscription.ack(vec![place]).await.unwrap_err(),
        subscription.assign(Vec::new()).await.unwrap_err(),
        subscription.lag().await.unwrap_err(),
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
        let bus = MemoryBus::with_clock(clock.clone());
        let mut subscription = subscribe(&bus, "group").await;
        bus.publish(vec![envelope("1")]).await.unwrap();
        offset(&read(&mut *subscription).await.remove(0).1)
    };
    clock.sleep(Duration::from_millis(1)).await;
    let bus = MemoryBus::with_clock(clock);
    bus.publish(vec![envelope("2")]).await.unwrap();
    let mut subscription = bus.subscribe("events", "group").await.unwrap();
    let start = Start::Offset(last.next);
    let at = Partition {
        partition: last.partition,
        start,
    };
    assert_eq!(subscription.assign(vec![at]).await.unwrap(), [last]);
    // What the earlier bus carried is gone with it.
    let trouble = subscription.next(100).await.unwrap().troubles.remove(0);
    let TroubleKind::Gone { earliest, latest } = trouble.kind else {
        panic!("{trouble:?}");
    };
    assert!(last.next < earliest && latest == earliest + 1);
}

#[tokio::test]
async fn without_a_group_the_newest_are_kept() {
    let bus = MemoryBus::new();
    bus.publish(vec![envelope("x"); 10_007]).await.unwrap();
    let mut subscription = bus.subscribe("events", "group").await.unwrap();
    assign(&mut *subscription, Start::Earliest).await;
    let batch = subscription.next(100_000).await.unwrap();
    assert_eq!(batch.delivered.len(), 10_000);
}

#[tokio::test]
async fn a_partition_that_never_was_is_refused() {
    let bus = MemoryBus::new();
    let mut subscription = subscribe(&bus, "group").await;
    let nowhere = Offset {
        partition: MemoryBus::PARTITIONS,
        next: 0,
    };
    let error = subscription.ack(vec![Place::Offset(nowhere)]).await;
    assert_eq!(error.unwrap_err().kind(), BusErrorKind::Invalid);
    let partition = Partition {
        partition: MemoryBus::PARTITIONS,
        start: Start::Latest,
    };
    let error = subscription.assign(vec![partition]).await.unwrap_err();
    assert_eq!(error.kind(), BusErrorKind::Invalid);
}
