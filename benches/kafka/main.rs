//! Records of 1 KB over three partitions of a private broker: published by the bus and by a bare
//! producer of rskafka, and read by a subscription and by a bare fetch loop of rskafka. Then events,
//! through planning into stores.
//!
//! `cargo bench -p signalbus-benches --bench kafka`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod bare;
mod through;

use std::{error::Error, time::Duration};

use bare::Bare;
use signalbus_core::bus::{Bus, Envelope, Partition, Place, Start};
use signalbus_kafka::{KafkaBus, KafkaConfig};
use signalbus_servers::{Durability, Kafka, Postgres};

const PARTITIONS: u16 = 3;
const BATCH: usize = 1_500;
const BATCHES: usize = 60;
const RECORDS: usize = BATCH * BATCHES;
const BYTES: usize = 1_000;
const ROUNDS: usize = 7;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let broker = Kafka::start(1)?;
    let postgres = Postgres::start(Durability::Full, &[])?;
    let addresses = broker.addresses();
    let bus = KafkaBus::new(KafkaConfig::new(&addresses)?.with_new_topics(PARTITIONS, 1))?;
    let (mut published, mut read) = (Vec::new(), Vec::new());
    for round in 0..=ROUNDS {
        // In turn, so that a slow moment of the machine meets both.
        let (by_bus, by_bare) = (format!("bus-{round}"), format!("bare-{round}"));
        let bus_published = publish(&bus, &by_bus).await?;
        bus.partitions(&by_bare).await?;
        let bare = Bare::connect(&addresses, &by_bare).await?;
        let bare_published = bare.publish().await?;
        // Both read what the bus published.
        let bus_read = consume(&bus, &by_bus).await?;
        let bare_read = Bare::connect(&addresses, &by_bus)
            .await?
            .read(RECORDS)
            .await?;
        if round == 0 {
            // The broker has to warm up.
            continue;
        }
        let ratio = |ours: Duration, bare: Duration| bare.as_secs_f64() / ours.as_secs_f64();
        published.push(ratio(bus_published, bare_published));
        read.push(ratio(bus_read, bare_read));
        println!(
            "round {round}: published {bus_published:?}, bare {bare_published:?}; read {bus_read:?}, bare {bare_read:?}"
        );
    }
    println!("{RECORDS} records of {BYTES} bytes over {PARTITIONS} partitions");
    for (what, mut ratios) in [("publishing", published), ("reading", read)] {
        ratios.sort_by(f64::total_cmp);
        println!(
            "{what}: {:.0} % of the speed of bare rskafka, median of {ROUNDS} rounds ({:.0} to {:.0})",
            ratios[ROUNDS / 2] * 100.0,
            ratios[0] * 100.0,
            ratios[ROUNDS - 1] * 100.0
        );
    }
    through::measure(&bus, &addresses, &postgres).await
}

async fn publish(bus: &KafkaBus, topic: &str) -> Result<Duration, Box<dyn Error>> {
    let batch: Vec<Envelope> = (0..BATCH)
        .map(|number| Envelope::new(topic, format!("key-{number}"), vec![b'x'; BYTES]))
        .collect();
    bus.partitions(topic).await?;
    // The connections are made.
    bus.publish(batch.clone()).await?;
    let begun = std::time::Instant::now();
    for _ in 1..BATCHES {
        bus.publish(batch.clone()).await?;
    }
    Ok(begun.elapsed())
}

async fn consume(bus: &KafkaBus, topic: &str) -> Result<Duration, Box<dyn Error>> {
    let mut subscription = bus.subscribe(topic, "bench").await?;
    let begun = std::time::Instant::now();
    let all = (0..PARTITIONS).map(|partition| Partition {
        partition: partition.into(),
        start: Start::Offset(0),
    });
    subscription.assign(all.collect()).await?;
    let mut read = 0;
    while read < RECORDS {
        let batch = subscription.next(500).await?;
        let last = batch.delivered.last().map(|one| one.place.clone());
        read += batch.delivered.len();
        let places: Vec<Place> = last.into_iter().collect();
        subscription.ack(places).await?;
    }
    let took = begun.elapsed();
    assert_eq!(read, RECORDS, "something was read twice");
    Ok(took)
}
