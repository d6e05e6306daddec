//! Which commands are sent: those of Redis 7.0 and of nothing newer, with the options that it has.

use std::{collections::BTreeMap, time::Duration};

use redis::{Client, Value};
use signalbus_core::{Bus, Wake, bus::Place};
use signalbus_redis::{RedisBell, RedisLimiter};
use signalbus_servers::Redis;

use crate::{bus, config, drain, envelope, limits};

/// With which version each came that is sent; a subcommand is one of its own. From the documentation of each
/// command (<https://redis.io/docs/latest/commands/>, 2026-11-30).
const KNOWN: [(&str, &str); 24] = [
    ("client|setinfo", "7.2.0"),
    ("eval", "2.6.0"),
    ("evalsha", "2.6.0"),
    ("flushall", "1.0.0"),
    ("get", "1.0.0"),
    ("hello", "6.0.0"),
    ("info", "1.0.0"),
    ("ping", "1.0.0"),
    ("publish", "2.0.0"),
    ("script|load", "2.6.0"),
    ("select", "1.0.0"),
    ("set", "1.0.0"),
    ("subscribe", "2.0.0"),
    ("time", "2.6.0"),
    ("xack", "5.0.0"),
    ("xadd", "5.0.0"),
    ("xautoclaim", "6.2.0"),
    ("xclaim", "5.0.0"),
    ("xgroup|create", "5.0.0"),
    ("xgroup|delconsumer", "5.0.0"),
    ("xinfo|groups", "5.0.0"),
    ("xpending", "5.0.0"),
    ("xrange", "5.0.0"),
    ("xreadgroup", "5.0.0"),
];
const TRIM: (&str, &str) = ("xtrim", "5.0.0");

/// The server counts the commands that it was sent.
#[tokio::test]
async fn no_command_is_newer_than_the_oldest_server() {
    let server = Redis::start().unwrap();
    // Valkey asks itself for settings as it starts.
    let before = sent(&server).await;
    let bus = bus(&server);
    bus.ping().await.unwrap();
    let mut dead = bus.subscribe("events", "group").await.unwrap();
    bus.publish((0..20).map(envelope).collect()).await.unwrap();
    // Hangs with some, leaves with others.
    assert!(!dead.next(5).await.unwrap().delivered.is_empty());
    std::mem::forget(dead);
    let mut leaving = bus.subscribe("events", "group").await.unwrap();
    let some = leaving.next(5).await.unwrap().delivered;
    let places: Vec<Place> = some.iter().map(|one| one.place.clone()).take(1).collect();
    leaving.ack(places).await.unwrap();
    drop(leaving);
    let mut reader = bus.subscribe("events", "group").await.unwrap();
    assert_eq!(drain(&mut *reader, 19).await.len(), 19);
    reader.lag().await.unwrap();
    drop(reader);
    let limiter = RedisLimiter::open(config(&server.url()));
    limits::granted(&limiter, limits::ask(2)).await;
    let bell = RedisBell::open(config(&server.url()));
    let (heard, mut hears) = tokio::sync::watch::channel(());
    let listening = bell.listen(Wake::new(move || heard.send_replace(())));
    let _listening = listening.await.unwrap();
    bell.ring().now();
    hears.changed().await.unwrap();

    let mut sent = sent(&server).await;
    let mut known = BTreeMap::from(KNOWN);
    known.insert(TRIM.0, TRIM.1);
    // Everything that the code has is to be sent here.
    for needed in [
        "xautoclaim",
        "xclaim",
        "xtrim",
        "xgroup|delconsumer",
        "evalsha",
        "eval",
        "publish",
    ] {
        for _ in 0..400 {
            if sent.contains_key(needed) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            sent = self::sent(&server).await;
        }
        assert!(sent.contains_key(needed), "{needed} was not sent: {sent:?}");
    }
    for (command, _) in sent
        .iter()
        .filter(|(name, times)| before.get(*name) != Some(times))
    {
        let since = known.get(command.as_str());
        let since = since
            .unwrap_or_else(|| panic!("{command} is sent, and nobody said since when it is there"));
        // The client tells its name, and does not mind a server that does not know how.
        assert!(
            *since <= "7.0.0" || command == "client|setinfo",
            "{command} came with {since}"
        );
    }
}

/// Commands by their names, and how often each was sent.
async fn sent(server: &Redis) -> BTreeMap<String, u64> {
    let client = Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let answer: Value = redis::cmd("INFO")
        .arg("commandstats")
        .query_async(&mut connection)
        .await
        .unwrap();
    let text: String = redis::from_redis_value(answer).unwrap();
    let lines = text
        .lines()
        .filter_map(|line| line.strip_prefix("cmdstat_"));
    let counts = lines.filter_map(|line| {
        let (name, rest) = line.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().ok()?))
    });
    counts.collect()
}
