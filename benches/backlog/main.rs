//! A million waiting bulk deliveries of one tenant on SQLite: how much memory the process takes
//! with them, and how soon an urgent message of another tenant goes out.
//!
//! `cargo bench -p signalbus-benches --bench backlog`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::{
    error::Error,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::json;
use signalbus::sqlite::SqliteStore;
use signalbus::{
    Class, EngineOptions, Event, Idempotency, Policy, Provider, Recipient, Signalbus,
    provider::{Capabilities, Delivery, Rate, SendError, Sent},
    store::{DeliveryFilter, State},
};
use signalbus_benches::NoTemplates;
use tokio::sync::Notify;

const WAITING: u64 = 1_000_000;
const BATCH: u64 = 1_000;
/// The provider takes this many a second, so that the million waits.
const RATE: u32 = 500;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    runtime.block_on(run())
}

async fn run() -> Result<(), Box<dyn Error>> {
    let directory = tempfile::tempdir()?;
    let store = SqliteStore::open(directory.path().join("backlog.db")).await?;
    let provider = Slow {
        urgent: Arc::default(),
    };
    let signalbus = Signalbus::builder()
        .store(store.clone())
        .channel(NoTemplates, provider.clone())
        .policy(Policy::new().on::<NoTemplates>("bench.*"))
        .options(EngineOptions::default())
        .build()?;
    // SQLite fills its page caches first (64 MiB for the connection that writes).
    let mut quarters = Vec::new();
    for batch in 0..WAITING / BATCH {
        publish(&signalbus, batch * BATCH, BATCH).await?;
        let waiting = (batch + 1) * BATCH;
        if waiting == BATCH || waiting.is_multiple_of(WAITING / 4) {
            let bytes = resident()?;
            println!("resident with {waiting} waiting, engine not started: {bytes} bytes");
            quarters.push(bytes);
        }
    }
    signalbus.start();
    let mut highest = 0;
    for _ in 0..50 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        highest = highest.max(resident()?);
    }
    println!("resident with {WAITING} waiting, engine at work, highest in 5 s: {highest} bytes");
    if let [_, quarter, .., all] = quarters.as_slice() {
        println!(
            "{WAITING} waiting take {:.2} times the memory of a quarter of them",
            ratio(*all, *quarter)
        );
    }
    sqlx::query("CREATE TABLE bare (id INTEGER PRIMARY KEY)")
        .execute(store.pool())
        .await?;
    let (mut latencies, mut commits) = (Vec::new(), Vec::new());
    for number in 0..20 {
        let began = Instant::now();
        let event = Event::new("bench.code", Idempotency::None)
            .tenant("other")
            .class(Class::Urgent)
            .to(Recipient::new().on::<NoTemplates>(format!("urgent-{number}")))
            .data(json!({ "text": "1234" }));
        signalbus.publish(event).await?;
        provider.urgent.notified().await;
        latencies.push(began.elapsed());
        let began = Instant::now();
        sqlx::query("INSERT INTO bare DEFAULT VALUES")
            .execute(store.pool())
            .await?;
        commits.push(began.elapsed());
    }
    latencies.sort_unstable();
    commits.sort_unstable();
    println!(
        "urgent of another tenant, publish to provider: median {:?}, max {:?} of {}",
        latencies[latencies.len() / 2],
        latencies[latencies.len() - 1],
        latencies.len()
    );
    let commit = commits[commits.len() / 2];
    println!(
        "that is {:.1} times a bare commit on the same file, median {commit:?}",
        latencies[latencies.len() / 2].as_secs_f64() / commit.as_secs_f64(),
    );
    let tally = signalbus
        .tally(&DeliveryFilter::new().state(State::Waiting))
        .await?;
    let waiting: u64 = tally.iter().map(|tally| tally.count).sum();
    println!("still waiting: {waiting}");
    if waiting < WAITING * 9 / 10 {
        return Err(format!("only {waiting} of {WAITING} still wait: nothing was measured").into());
    }
    Ok(())
}

async fn publish(signalbus: &Signalbus, from: u64, count: u64) -> Result<(), Box<dyn Error>> {
    let events = (from..from + count)
        .map(|number| {
            Event::new("bench.news", Idempotency::None)
                .tenant("bulky")
                .class(Class::Bulk)
                .to(Recipient::new().on::<NoTemplates>(format!("reader-{number}")))
                .data(json!({ "text": "news", "number": number }))
        })
        .collect();
    for answer in signalbus.publish_all(events).await? {
        answer?;
    }
    Ok(())
}

#[expect(
    clippy::cast_precision_loss,
    reason = "a ratio of bytes needs no more than three digits"
)]
fn ratio(one: u64, other: u64) -> f64 {
    one as f64 / other as f64
}

/// Bytes of this process in memory.
fn resident() -> Result<u64, Box<dyn Error>> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: u64 = line
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .ok_or("/proc/self/status has no VmRSS")?
        .trim()
        .parse()?;
    Ok(kib * 1024)
}

#[derive(Debug, Clone)]
struct Slow {
    urgent: Arc<Notify>,
}

#[async_trait]
impl Provider<NoTemplates> for Slow {
    fn name(&self) -> &str {
        "slow"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_rate(Rate::per_second(RATE))
    }

    async fn send(&self, delivery: Delivery<'_, NoTemplates>) -> Result<Sent, SendError> {
        if delivery.tenant.as_str() == "other" {
            self.urgent.notify_one();
        }
        Ok(Sent::new())
    }
}
