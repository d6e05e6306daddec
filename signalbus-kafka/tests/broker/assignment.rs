use std::time::Duration;

use signalbus_core::bus::{Bus, Start, Trouble, TroubleKind};

use crate::support::{all, bus, envelope, fresh, from, next, offset, read, shared, text};

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_starts_where_it_is_told() {
    let bus = bus(&shared(), 1);
    let topic = fresh("starts");
    let publish = async |payload: &str| {
        bus.publish(vec![envelope(&topic, "key", payload)])
            .await
            .expect("published");
    };
    publish("old").await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    let between = jiff::Timestamp::now();
    tokio::time::sleep(Duration::from_millis(20)).await;
    publish("new").await;
    let future = between + Duration::from_secs(3600);
    for (start, begins) in [
        (Start::Earliest, 0),
        (Start::At(between), 1),
        (Start::At(future), 2),
        (Start::Latest, 2),
        (Start::Offset(1), 1),
    ] {
        let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
        let started = subscription.assign(all(1, start)).await.expect("assigned");
        assert_eq!(started.len(), 1);
        assert_eq!(
            (started[0].partition, started[0].next),
            (0, begins),
            "{start:?}"
        );
        if begins < 2 {
            let first = read(&mut *subscription, 1).await;
            assert_eq!(
                text(&first[0]),
                ["old", "new"][usize::try_from(begins).unwrap()]
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_assigned_does_not_come_and_what_stays_goes_on() {
    let bus = bus(&shared(), 4);
    let topic = fresh("shared");
    let publish = async |count: usize| {
        let batch = (0..count).map(|number| envelope(&topic, &format!("key-{number}"), "x"));
        bus.publish(batch.collect()).await.expect("published");
    };
    publish(100).await;
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(all(4, Start::Earliest))
        .await
        .expect("assigned");
    let first = read(&mut *subscription, 100).await;
    let of = |partition: u32, read: &[signalbus_core::bus::Delivered]| {
        read.iter()
            .filter(|one| offset(one).partition == partition)
            .count()
    };
    // Two stay: they are not started again, though another place is named.
    let kept = vec![from(1, Start::Earliest), from(3, Start::Earliest)];
    assert_eq!(subscription.assign(kept).await.expect("assigned"), []);
    publish(100).await;
    let expected = of(1, &first) + of(3, &first);
    let second = read(&mut *subscription, expected).await;
    assert!(
        second
            .iter()
            .all(|one| [1, 3].contains(&offset(one).partition))
    );
    let began = |partition| {
        let mut offsets = second
            .iter()
            .map(offset)
            .filter(|at| at.partition == partition);
        offsets.next().map(|at| at.next - 1)
    };
    assert_eq!(began(1), u64::try_from(of(1, &first)).ok());
    assert_eq!(began(3), u64::try_from(of(3, &first)).ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_that_is_gone_is_told_once_and_can_be_assigned_anew() {
    let bus = bus(&shared(), 2);
    let topic = fresh("gone");
    bus.publish(vec![envelope(&topic, "ada", "x")])
        .await
        .expect("published");
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(vec![
            from(0, Start::Offset(700)),
            from(1, Start::Offset(700)),
        ])
        .await
        .expect("assigned");
    let mut troubles = Vec::new();
    while troubles.len() < 2 {
        let batch = next(&mut *subscription, 10).await;
        assert!(batch.delivered.is_empty());
        troubles.extend(batch.troubles);
    }
    troubles.sort_by_key(|trouble| trouble.partition);
    for (partition, trouble) in (0..).zip(&troubles) {
        let Trouble {
            partition: of,
            at,
            kind,
        } = trouble;
        assert_eq!((*of, *at), (partition, 700));
        let TroubleKind::Gone {
            earliest: 0,
            latest,
        } = kind
        else {
            panic!("{kind:?}");
        };
        assert!(*latest <= 1);
    }
    // Left out and assigned again, it is read.
    subscription.assign(Vec::new()).await.expect("assigned");
    subscription
        .assign(all(2, Start::Earliest))
        .await
        .expect("assigned");
    assert_eq!(read(&mut *subscription, 1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn next_can_be_dropped_and_nothing_is_lost() {
    let bus = bus(&shared(), 1);
    let topic = fresh("dropped");
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(all(1, Start::Earliest))
        .await
        .expect("assigned");
    let publisher = {
        let (bus, topic) = (bus.clone(), topic.clone());
        tokio::spawn(async move {
            for number in 0..100 {
                let number = number.to_string();
                bus.publish(vec![envelope(&topic, "key", &number)])
                    .await
                    .expect("published");
            }
        })
    };
    let mut read = Vec::new();
    while read.len() < 100 {
        let limit = Duration::from_micros(300);
        if let Ok(batch) = tokio::time::timeout(limit, subscription.next(7)).await {
            read.extend(batch.expect("read").delivered.iter().map(text));
        }
    }
    publisher.await.expect("published all");
    let expected: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    assert_eq!(read, expected);
}
