//! From the broker through planning into a store: what a worker does with an event before anybody sends it.

use std::{error::Error, sync::Arc, time::Duration};

use signalbus::{
    BusSetup, Event, Idempotency, MemoryStore, Policy, Recipient, Signalbus, Store, Templates,
    Topic, channel::Sms, postgres::PostgresStore,
};
use signalbus_core::bus::Bus as _;
use signalbus_kafka::KafkaBus;
use signalbus_servers::Postgres;

use crate::bare::Bare;

const EVENTS: usize = 15_000;
const BATCH: usize = 500;
const ROUNDS: usize = 3;
const NAME: &str = "kafka";

/// Prints how fast events are stored, beside a bare fetch loop of the same records.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are small"
)]
pub(crate) async fn measure(
    bus: &KafkaBus,
    addresses: &str,
    postgres: &Postgres,
) -> Result<(), Box<dyn Error>> {
    for (what, durable) in [("memory", false), ("Postgres", true)] {
        let mut rounds = Vec::new();
        for round in 0..ROUNDS {
            let name = format!("through-{what}-{round}");
            publish(bus, &name).await?;
            let store: Arc<dyn Store> = if durable {
                let url = postgres.url();
                let mark = if url.contains('?') { '&' } else { '?' };
                let url = format!("{url}{mark}schema=through_{round}");
                Arc::new(PostgresStore::open(&url).await?)
            } else {
                Arc::new(MemoryStore::new())
            };
            let ours = store_all(bus, &name, &store).await?;
            let bare = Bare::connect(addresses, &name).await?.read(EVENTS).await?;
            rounds.push((ours, bare));
        }
        rounds.sort();
        let (ours, bare) = rounds[ROUNDS / 2];
        println!(
            "through planning into {what}: {:.0} events a second, a bare fetch loop {:.0}: {:.1} times the time",
            EVENTS as f64 / ours.as_secs_f64(),
            EVENTS as f64 / bare.as_secs_f64(),
            ours.as_secs_f64() / bare.as_secs_f64()
        );
    }
    Ok(())
}

async fn publish(bus: &KafkaBus, name: &str) -> Result<(), Box<dyn Error>> {
    let topic = Topic::new(name)?;
    bus.partitions(name).await?;
    let publisher = Signalbus::builder()
        .without_store()
        .known_channel(Sms::new())
        .templates(Templates::new())
        .policy(Policy::new().on::<Sms>("note"))
        .bus_setup(BusSetup::new(bus.clone(), &topic))
        .build()?;
    for first in (0..EVENTS).step_by(BATCH) {
        let events = (first..first + BATCH).map(|number| {
            Event::new("note", Idempotency::key(format!("note-{number}")))
                .to(Recipient::new().sms(format!("+4477009{:05}", number % 1_000)))
                .data(serde_json::json!({ "text": "x".repeat(500) }))
        });
        publisher.publish_all_to_bus(events.collect()).await?;
    }
    Ok(())
}

/// Until the store has all of them.
async fn store_all(
    bus: &KafkaBus,
    name: &str,
    store: &Arc<dyn Store>,
) -> Result<Duration, Box<dyn Error>> {
    let begun = std::time::Instant::now();
    let worker = Signalbus::builder()
        .shared_store(Arc::clone(store))
        .known_channel(Sms::new())
        .templates(Templates::new())
        .policy(Policy::new().on::<Sms>("note"))
        .bus_setup(BusSetup::new(bus.clone(), &Topic::new(name)?).group("bench"))
        .start()
        .await?;
    loop {
        let positions = store.bus_positions(NAME, "bench").await?;
        let ours = positions.iter().filter(|position| position.topic == name);
        if ours.map(|position| position.next).sum::<u64>() >= EVENTS as u64 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = begun.elapsed();
    worker.shutdown().await;
    Ok(took)
}
