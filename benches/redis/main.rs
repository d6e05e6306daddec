//! Entries of 1 KB of one stream of a private server: read and acknowledged by a subscription, and by a
//! bare loop of `XREADGROUP` and `XACK` on the same client.
//!
//! `cargo bench -p signalbus-benches --bench redis`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::{error::Error, time::Duration};

use redis::{AsyncConnectionConfig, Client, streams::StreamReadReply};
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
        // Before anybody reads: what all groups have acknowledged is trimmed.
        group(&server.url(), &topic).await?;
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

/// The group of the bare loop.
async fn group(url: &str, topic: &str) -> Result<(), Box<dyn Error>> {
    let mut connection = Client::open(url)?
        .get_multiplexed_async_connection()
        .await?;
    redis::cmd("XGROUP")
        .arg(&["CREATE", &format!("signalbus:{topic}"), "bare", "0"])
        .exec_async(&mut connection)
        .await?;
    Ok(())
}

/// On two connections too, so that only what is around the commands differs.
async fn by_client(url: &str, topic: &str) -> Result<Duration, Box<dyn Error>> {
    let client = Client::open(url)?;
    // Longer than a read may wait, which the 500 ms of the client are not.
    let patient = AsyncConnectionConfig::new().set_response_timeout(Some(Duration::from_secs(10)));
    let connect = || client.get_multiplexed_async_connection_with_config(&patient);
    let (mut reads, mut acks) = (connect().await?, connect().await?);
    let stream = format!("signalbus:{topic}");
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
