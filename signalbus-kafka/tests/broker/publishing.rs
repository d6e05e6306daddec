use std::{collections::BTreeMap, time::Duration};

use signalbus_core::bus::{Bus, BusErrorKind, Start};
use signalbus_kafka::{Compression, KafkaBus};

use crate::support::{all, bus, config, envelope, fresh, offset, read, shared, text};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_published_comes_with_key_headers_and_payload() {
    let bus = bus(&shared(), 3);
    let topic = fresh("whole");
    let mut sent = envelope(&topic, "ada", "{\"kind\":\"signup\"}");
    sent.headers.insert("traceparent", "00-1-2-01");
    sent.headers.insert("empty", "");
    bus.publish(vec![sent.clone()]).await.expect("published");
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    let started = subscription
        .assign(all(3, Start::Earliest))
        .await
        .expect("assigned");
    assert_eq!(started.len(), 3);
    let read = read(&mut *subscription, 1).await;
    assert_eq!(read[0].envelope, sent);
    assert_eq!(offset(&read[0]).next, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_in_order_and_in_the_partition_of_the_java_client() {
    let bus = bus(&shared(), 12);
    let topic = fresh("keys");
    let table = include_str!("../data/partitions.tsv");
    let expected: Vec<(Vec<u8>, u32)> = table
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split('\t').collect();
            let hex = words[0];
            let bytes = (0..hex.len()).step_by(2);
            let key = bytes.map(|place| u8::from_str_radix(&hex[place..place + 2], 16).unwrap());
            (key.collect(), words[3].parse().unwrap())
        })
        .collect();
    for round in 0..5 {
        let batch = expected.iter().map(|(key, _)| {
            let mut envelope = envelope(&topic, "", &round.to_string());
            envelope.key.clone_from(key);
            envelope
        });
        bus.publish(batch.collect()).await.expect("published");
    }
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(all(12, Start::Earliest))
        .await
        .expect("assigned");
    let mut rounds: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for delivered in read(&mut *subscription, expected.len() * 5).await {
        let key = delivered.envelope.key.clone();
        let partition = expected.iter().find(|(known, _)| *known == key);
        assert_eq!(
            partition.map(|(_, partition)| *partition),
            Some(offset(&delivered).partition)
        );
        rounds.entry(key).or_default().push(text(&delivered));
    }
    assert_eq!(rounds.len(), expected.len());
    for order in rounds.values() {
        assert_eq!(*order, ["0", "1", "2", "3", "4"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_compression_is_written_and_read() {
    let addresses = shared();
    for compression in [
        Compression::None,
        Compression::Gzip,
        Compression::Lz4,
        Compression::Snappy,
        Compression::Zstd,
    ] {
        let config = config(&addresses)
            .with_new_topics(1, 1)
            .with_compression(compression);
        let bus = KafkaBus::new(config).expect("a bus");
        let topic = fresh("compressed");
        let batch: Vec<_> = (0..500)
            .map(|number| envelope(&topic, "key", &format!("{number:0>200}")))
            .collect();
        bus.publish(batch.clone()).await.expect("published");
        let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
        subscription
            .assign(all(1, Start::Earliest))
            .await
            .expect("assigned");
        let read = read(&mut *subscription, 500).await;
        let read: Vec<_> = read
            .into_iter()
            .map(|delivered| delivered.envelope)
            .collect();
        assert_eq!(read, batch, "{compression:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_publish_at_a_time_and_nothing_is_lost_or_mixed_up() {
    let config = config(&shared())
        .with_new_topics(4, 1)
        .with_linger(Duration::from_millis(5))
        .with_batch_bytes(2_000)
        .with_waiting_bytes(20_000);
    let bus = KafkaBus::new(config).expect("a bus");
    let topic = fresh("crowd");
    let publishers = (0..50).map(|publisher| {
        let (bus, topic) = (bus.clone(), topic.clone());
        tokio::spawn(async move {
            for number in 0..20 {
                let key = format!("key-{publisher}");
                let payload = format!("{number}");
                bus.publish(vec![envelope(&topic, &key, &payload)])
                    .await
                    .expect("published");
            }
        })
    });
    for publisher in publishers.collect::<Vec<_>>() {
        publisher.await.expect("published all");
    }
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(all(4, Start::Earliest))
        .await
        .expect("assigned");
    let mut by_key: BTreeMap<Vec<u8>, Vec<String>> = BTreeMap::new();
    for delivered in read(&mut *subscription, 1000).await {
        let key = delivered.envelope.key.clone();
        by_key.entry(key).or_default().push(text(&delivered));
    }
    let expected: Vec<String> = (0..20).map(|number| number.to_string()).collect();
    assert_eq!(by_key.len(), 50);
    for order in by_key.values() {
        assert_eq!(*order, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_topic_that_does_not_exist_is_a_clear_error_everywhere() {
    let bus = KafkaBus::new(config(&shared())).expect("a bus");
    let topic = fresh("missing");
    let published = bus.publish(vec![envelope(&topic, "key", "x")]).await;
    for error in [
        published.expect_err("there is no such topic"),
        bus.partitions(&topic)
            .await
            .expect_err("there is no such topic"),
        bus.subscribe(&topic, "group")
            .await
            .expect_err("there is no such topic"),
    ] {
        assert_eq!(error.kind(), BusErrorKind::Invalid);
        let text = error.to_string();
        assert!(
            text.contains(&topic) && text.contains("does not exist"),
            "{text}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_is_too_large_is_refused_here_and_by_the_broker() {
    let addresses = shared();
    let topic = fresh("large");
    let payload = "x".repeat(2_000_000);
    let careful = bus(&addresses, 1);
    let error = careful
        .publish(vec![envelope(&topic, "key", &payload)])
        .await;
    assert_eq!(error.expect_err("too large").kind(), BusErrorKind::Invalid);

    let config = config(&addresses)
        .with_new_topics(1, 1)
        .with_max_payload(5_000_000);
    let careless = KafkaBus::new(config).expect("a bus");
    let error = careless
        .publish(vec![envelope(&topic, "key", &payload)])
        .await;
    let error = error.expect_err("the broker refuses it");
    assert_eq!(error.kind(), BusErrorKind::Invalid);
    assert!(error.to_string().contains("message.max.bytes"), "{error}");
    careless
        .publish(vec![envelope(&topic, "key", "small")])
        .await
        .expect("the next is taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_parted_where_the_topic_takes_only_smaller_ones() {
    // Together more than `message.max.bytes`, each of them less.
    let config = config(&shared())
        .with_new_topics(1, 1)
        .with_batch_bytes(10_000_000);
    let bus = KafkaBus::new(config).expect("a bus");
    let topic = fresh("parted");
    let batch: Vec<_> = (0..8)
        .map(|number| envelope(&topic, "key", &number.to_string().repeat(400_000)))
        .collect();
    bus.publish(batch).await.expect("published");
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    subscription
        .assign(all(1, Start::Earliest))
        .await
        .expect("assigned");
    let order: Vec<String> = read(&mut *subscription, 8)
        .await
        .iter()
        .map(|delivered| text(delivered)[..1].to_owned())
        .collect();
    assert_eq!(order, ["0", "1", "2", "3", "4", "5", "6", "7"]);
}
