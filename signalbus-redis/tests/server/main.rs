//! What a Redis server does to a bus, a bell and a limiter: it dies, it stands still, its consumers die.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and a server is another process, which no test clock moves"
)]

mod bell;
mod commands;
mod limits;
#[path = "../support/line.rs"]
mod line;
mod loss;

use std::{collections::BTreeSet, time::Duration};

use redis::{Client, Value};
use signalbus_core::{
    Bus,
    bus::{Delivered, Envelope, Place, Subscription},
};
use signalbus_redis::{RedisBus, RedisConfig};
use signalbus_servers::Redis;

fn config(url: &str) -> RedisConfig {
    RedisConfig::from_url(url)
        .unwrap()
        .with_abandoned_after(Duration::from_millis(500))
        .with_deadline(Duration::from_secs(2))
}

fn bus(server: &Redis) -> RedisBus {
    RedisBus::open(config(&server.url())).unwrap()
}

fn envelope(number: usize) -> Envelope {
    Envelope::new("events", format!("key {number}"), number.to_string())
}

fn text(delivered: &Delivered) -> String {
    String::from_utf8(delivered.envelope.payload.to_vec()).unwrap()
}

/// Reads and acknowledges until nothing came for a while, whatever goes wrong meanwhile.
async fn drain(subscription: &mut dyn Subscription, all: usize) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    while seen.len() < all {
        let wait = tokio::time::sleep(Duration::from_secs(20));
        let batch = tokio::select! {
            batch = subscription.next(50) => batch,
            () = wait => panic!("only {} of {all} came", seen.len()),
        };
        let Ok(batch) = batch else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let places: Vec<Place> = batch
            .delivered
            .iter()
            .map(|one| one.place.clone())
            .collect();
        if subscription.ack(places).await.is_ok() {
            seen.extend(batch.delivered.iter().map(text));
        }
    }
    seen
}

#[tokio::test]
async fn a_server_that_is_killed_and_comes_back_loses_nothing_that_is_on_its_disk() {
    let mut server = Redis::start().unwrap();
    let bus = bus(&server);
    let mut reader = bus.subscribe("events", "group").await.unwrap();
    for number in 0..500 {
        bus.publish(vec![envelope(number)]).await.unwrap();
    }
    let first = reader.next(100).await.unwrap();
    assert!(!first.delivered.is_empty());
    // Written to the disk once a second: what was answered before is there.
    tokio::time::sleep(Duration::from_secs(2)).await;
    server.kill().unwrap();
    let error = bus.publish(vec![envelope(0)]).await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    server.resume().unwrap();
    for number in 500..600 {
        while bus.publish(vec![envelope(number)]).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    let seen = drain(&mut *reader, 600).await;
    assert_eq!(seen.len(), 600);
}

#[tokio::test]
async fn what_a_dead_consumer_had_is_taken_over_with_its_count() {
    let server = Redis::start().unwrap();
    let bus = bus(&server);
    let mut dead = bus.subscribe("events", "group").await.unwrap();
    bus.publish((0..10).map(envelope).collect()).await.unwrap();
    let read = dead.next(100).await.unwrap().delivered;
    assert_eq!(read.len(), 10);
    // It hangs, and does not leave.
    std::mem::forget(dead);
    let mut living = bus.subscribe("events", "group").await.unwrap();
    let mut seen = BTreeSet::new();
    while seen.len() < 10 {
        for delivered in living.next(100).await.unwrap().delivered {
            assert!(delivered.repeats > 0);
            seen.insert(text(&delivered));
        }
    }
}

#[tokio::test]
async fn what_all_groups_have_read_is_trimmed_and_nothing_else() {
    let server = Redis::start().unwrap();
    let bus = bus(&server);
    let mut fast = bus.subscribe("events", "fast").await.unwrap();
    let mut slow = bus.subscribe("events", "slow").await.unwrap();
    bus.publish((0..100).map(envelope).collect()).await.unwrap();
    let length = async || {
        let client = Client::open(server.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let length: Value = redis::cmd("XLEN")
            .arg("signalbus:events")
            .query_async(&mut connection)
            .await
            .unwrap();
        length
    };
    assert_eq!(drain(&mut *fast, 100).await.len(), 100);
    let part = slow.next(40).await.unwrap().delivered;
    let places = part.iter().map(|one| one.place.clone());
    slow.ack(places.collect()).await.unwrap();
    let left = 100 - i64::try_from(part.len()).unwrap();
    assert_eq!(length().await, Value::Int(left));
    let rest = usize::try_from(left).unwrap();
    assert_eq!(drain(&mut *slow, rest).await.len(), rest);
}

#[tokio::test]
async fn a_wrong_password_is_no_outage() {
    let server = Redis::start().unwrap();
    let url = server.url().replace("redis://", "redis://:s3cr3t@");
    let bus = RedisBus::open(config(&url)).unwrap();
    let error = bus.publish(vec![envelope(1)]).await.unwrap_err();
    assert!(!error.is_transient(), "{error}");
    assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_outage() {
    let mut server = Redis::start().unwrap();
    let bus = bus(&server);
    server.kill().unwrap();
    let error = bus.subscribe("events", "group").await.unwrap_err();
    assert!(error.is_transient(), "{error}");
    assert!(!error.to_string().contains("127.0.0.1"), "{error}");
}
