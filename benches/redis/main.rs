//! Entries of 1 KB of one stream of a private server: read and acknowledged by a subscription, and by a
//! bare loop of `XREADGROUP` and `XACK` on the same client.
//!
//! `cargo bench -p signalbus-benches --bench redis`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::{error::Error, time::Duration};

use redis::{Client, streams::StreamReadReply};
use signalbus_core::bus::{Bus, Envelope, Place};
use signalbus_redis::{RedisBus, RedisConfig};
use signalbus_servers::Redis;

const ENTRIES: usize = 40_000;
const BATCH: usize = 1_000;
const READ: usize = 500;
const BYTES: usize = 1_000;
const ROUNDS: usize = 7;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let server = Redis::start()?;
    let bus = RedisBus::open(RedisConfig::from_url(&server.url())?)?;
    let mut ratios = Vec::new();
    for round in 0..=ROUNDS {
        let topic = format!("round-{round}");
        for batch in 0..ENTRIES / BATCH {
            let envelope = |number| {
                let key = format!("key-{}", batch * BATCH + number);
                Envelope::new(&topic, key, vec![b'x'; BYTES])
            };
            bus.publish((0..BATCH).map(envelope).collect()).await?;
        }
        // In turn, so that a slow moment of the machine meets both; each first in every second round.
        let (ours, bare) = if round % 2 == 0 {
            let ours = by_bus(&bus, &topic).await?;
            (ours, by_client(&server.url(), &topic).await?)
        } else {
            let bare = by_client(&server.url(), &topic).await?;
            (by_bus(&bus, &topic).await?, bare)
        };
        if round == 0 {
            // The server has to warm up.
            continue;
        }
        ratios.push(bare.as_secs_f64() / ours.as_secs_f64());
        println!("round {round}: by the bus {ours:?}, bare {bare:?}");
    }
    ratios.sort_by(f64::total_cmp);
    println!(
        "{ENTRIES} entries of {BYTES} bytes: {:.0} % of the speed of a bare XREADGROUP loop, median of {ROUNDS} rounds ({:.0} to {:.0})",
        ratios[ROUNDS / 2] * 100.0,
        ratios[0] * 100.0,
        ratios[ROUNDS - 1] * 100.0
    );
    Ok(())
}

async fn by_bus(bus: &RedisBus, topic: &str) -> Result<Duration, Box<dyn Error>> {
    let mut subscription = bus.subscribe(topic, "bus").await?;
    let begun = std::time::Instant::now();
    let mut read = 0;
    while read < ENTRIES {
        let batch = subscription.next(READ).await?;
        read += batch.delivered.len();
        let places = batch.delivered.iter().map(|one| one.place.clone());
        let places: Vec<Place> = places.collect();
        subscription.ack(places).await?;
    }
    let took = begun.elapsed();
    assert_eq!(read, ENTRIES, "something was read twice");
    Ok(took)
}

/// On two connections too, so that only what is around the commands differs.
async fn by_client(url: &str, topic: &str) -> Result<Duration, Box<dyn Error>> {
    let client = Client::open(url)?;
    let mut reads = client.get_multiplexed_async_connection().await?;
    let mut acks = client.get_multiplexed_async_connection().await?;
    let stream = format!("signalbus:{topic}");
    redis::cmd("XGROUP")
        .arg(&["CREATE", &stream, "bare", "0"])
        .exec_async(&mut reads)
        .await?;
    let begun = std::time::Instant::now();
    let mut read = 0;
    while read < ENTRIES {
        let reply: StreamReadReply = redis::cmd("XREADGROUP")
            .arg(&["GROUP", "bare", "one", "COUNT"])
            .arg(READ)
            .arg(&["BLOCK", "1000", "STREAMS", &stream, ">"])
            .query_async(&mut reads)
            .await?;
        let ids = reply.keys.into_iter().flat_map(|key| key.ids);
        let ids: Vec<String> = ids.map(|entry| entry.id).collect();
        read += ids.len();
        redis::cmd("XACK")
            .arg(&stream)
            .arg("bare")
            .arg(ids)
            .exec_async(&mut acks)
            .await?;
    }
    let took = begun.elapsed();
    assert_eq!(read, ENTRIES, "not all was read");
    Ok(took)
}
