//! What the tests have in common.

#![allow(dead_code, reason = "each program of tests uses a part of it")]

use std::{
    path::Path,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use signalbus_core::bus::{
    Batch, Delivered, Envelope, Offset, Partition, Place, Start, Subscription,
};
use signalbus_kafka::{KafkaBus, KafkaConfig};
use signalbus_servers::{KAFKA, Kafka};

/// The addresses of the broker that tests share.
pub(crate) fn shared() -> String {
    signalbus_servers::url(KAFKA).expect("a broker")
}

/// A name that no other test and no earlier run has.
pub(crate) fn fresh(what: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let process = std::process::id();
    let time = jiff::Timestamp::now().as_millisecond();
    format!("{what}-{time}-{process}-{number}")
}

pub(crate) fn config(addresses: &str) -> KafkaConfig {
    KafkaConfig::new(addresses)
        .expect("addresses")
        .with_mirror(Some(Duration::from_millis(200)))
}

/// A bus that makes its topics with so many partitions.
pub(crate) fn bus(addresses: &str, partitions: u16) -> KafkaBus {
    KafkaBus::new(config(addresses).with_new_topics(partitions, 1)).expect("a bus")
}

pub(crate) fn envelope(topic: &str, key: &str, payload: &str) -> Envelope {
    Envelope::new(topic, key.as_bytes(), payload.to_owned())
}

pub(crate) fn from(partition: u32, start: Start) -> Partition {
    Partition { partition, start }
}

pub(crate) fn all(partitions: u32, start: Start) -> Vec<Partition> {
    (0..partitions)
        .map(|partition| from(partition, start))
        .collect()
}

pub(crate) fn text(delivered: &Delivered) -> String {
    String::from_utf8_lossy(&delivered.envelope.payload).into_owned()
}

pub(crate) fn offset(delivered: &Delivered) -> Offset {
    match &delivered.place {
        Place::Offset(offset) => *offset,
        Place::Tag(_) => panic!("a positioned bus has offsets"),
    }
}

/// Reads until there are so many.
pub(crate) async fn read(subscription: &mut dyn Subscription, count: usize) -> Vec<Delivered> {
    let mut read = Vec::new();
    while read.len() < count {
        let batch: Batch = next(subscription, count - read.len()).await;
        assert_eq!(batch.troubles, []);
        read.extend(batch.delivered);
    }
    read
}

/// What comes next; panics when nothing does for half a minute.
pub(crate) async fn next(subscription: &mut dyn Subscription, limit: usize) -> Batch {
    tokio::time::timeout(Duration::from_secs(30), subscription.next(limit))
        .await
        .expect("nothing came")
        .expect("the bus can be read")
}

/// Waits until it holds; panics when that takes longer than half a minute.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    for _ in 0..300 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("{what}");
}

/// A program of the Java client.
pub(crate) fn java(name: &str, words: &[&str]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/java")
        .join(name);
    Kafka::java(&file, words).expect("a Java program")
}
