//! Loads of other shapes than a backlog: small commits, failures, a transaction that pins what is dead, and a rate that is
//! given, at which the time from publish to send is what counts. Publisher and worker are one process.

use std::{
    error::Error,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbus::{
    Channel, ChannelSetup, EngineOptions, Policy, Provider, RetryPolicy, Signalbus,
    postgres::PostgresStore,
    provider::{Capabilities, Delivery, Fault, SendError, Sent},
};
use signalbus_benches::NoTemplates;
use sqlx::{Connection, PgConnection};

use crate::{
    event,
    server::{Cost, Server},
    wal,
};

/// Takes messages, and says when each came; or fails some.
#[derive(Debug, Clone, Default)]
struct Watcher {
    fails: bool,
    came: Arc<Mutex<Vec<(u64, Instant)>>>,
}

impl Watcher {
    fn count(&self) -> usize {
        self.came
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

#[async_trait]
impl<C: Channel> Provider<C> for Watcher {
    fn name(&self) -> &str {
        "watcher"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_concurrency(100_000)
    }

    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError> {
        let now = Instant::now();
        let address = signalbus::channel::Address::as_str(delivery.to);
        let number = address
            .rsplit('-')
            .next()
            .and_then(|number| number.parse().ok());
        let number: u64 = number.unwrap_or(0);
        // One in a hundred is refused for good, one in ten at its first try.
        if self.fails && number.is_multiple_of(100) {
            return Err(SendError::permanent(Fault::Recipient, "there is nobody"));
        }
        if self.fails && number % 10 == 1 && delivery.attempt == 1 {
            return Err(SendError::retryable(Fault::Recipient, "not now"));
        }
        let mut came = self.came.lock().unwrap_or_else(PoisonError::into_inner);
        came.push((number, now));
        Ok(Sent::new())
    }
}

async fn engine(
    server: &Server,
    schema: &str,
    watcher: &Watcher,
) -> Result<Signalbus, Box<dyn Error>> {
    let url = format!("{}?schema={schema}", server.url());
    let soon = Duration::from_millis(20);
    let retry = RetryPolicy::default().with_waits(Duration::from_millis(1), soon, soon);
    Ok(Signalbus::builder()
        .store(PostgresStore::open(&url).await?)
        .channel_setup(ChannelSetup::new(NoTemplates, watcher.clone()).retry(retry))
        .policy(Policy::new().on::<NoTemplates>("bench.*"))
        .options(EngineOptions::default().with_slots(1_024).with_flush(1_024))
        .build()?)
}

/// What was measured of one load.
struct Load {
    name: &'static str,
    /// How many events a commit has.
    batch: u64,
    /// How many publish at the same time.
    publishers: u64,
    deliveries: u64,
    fails: bool,
    pinned: bool,
}

const LOADS: [Load; 6] = [
    Load {
        name: "steady, 1 a commit",
        batch: 1,
        publishers: 16,
        deliveries: 16_000,
        fails: false,
        pinned: false,
    },
    Load {
        name: "steady, 100 a commit",
        batch: 100,
        publishers: 2,
        deliveries: 40_000,
        fails: false,
        pinned: false,
    },
    Load {
        name: "steady, 1000 a commit",
        batch: 1_000,
        publishers: 1,
        deliveries: 40_000,
        fails: false,
        pinned: false,
    },
    Load {
        name: "failing",
        batch: 500,
        publishers: 1,
        deliveries: 40_000,
        fails: true,
        pinned: false,
    },
    Load {
        name: "not pinned",
        batch: 500,
        publishers: 1,
        deliveries: 120_000,
        fails: false,
        pinned: false,
    },
    Load {
        name: "pinned",
        batch: 500,
        publishers: 1,
        deliveries: 120_000,
        fails: false,
        pinned: true,
    },
];

/// All loads, one round; as JSON.
pub(crate) async fn round(server: &Server, round: usize) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut results = Vec::new();
    for (place, load) in LOADS.iter().enumerate() {
        let schema = format!("load_{round}_{place}");
        let result = play(server, &schema, load).await?;
        println!("{result}");
        results.push(result);
    }
    for rate in [200, 1_000] {
        let result = latency(server, &format!("rate_{round}_{rate}"), rate).await?;
        println!("{result}");
        results.push(result);
    }
    Ok(results)
}

async fn play(server: &Server, schema: &str, load: &Load) -> Result<Value, Box<dyn Error>> {
    let watcher = Watcher {
        fails: load.fails,
        ..Watcher::default()
    };
    let signalbus = engine(server, schema, &watcher).await?;
    let mut pin = PgConnection::connect(&server.url()).await?;
    let before = server.look(schema).await?;
    let from = wal::place(&mut pin).await?;
    if load.pinned {
        sqlx::raw_sql("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current()")
            .execute(&mut pin)
            .await?;
    }
    let began = Instant::now();
    signalbus.start();
    let share = load.deliveries / load.publishers;
    let publishers = (0..load.publishers).map(|publisher| {
        let signalbus = signalbus.clone();
        let batch = load.batch;
        tokio::spawn(async move {
            for first in (publisher * share..(publisher + 1) * share)
                .step_by(usize::try_from(batch).unwrap_or(1))
            {
                let events = (first..first + batch).map(event).collect();
                if signalbus.publish_all(events).await.is_err() {
                    return false;
                }
            }
            true
        })
    });
    let publishers: Vec<_> = publishers.collect();
    for publisher in publishers {
        if !publisher.await? {
            return Err("a publish failed".into());
        }
    }
    server.ended(schema, load.deliveries).await?;
    let took = began.elapsed();
    if load.pinned {
        sqlx::raw_sql("ROLLBACK").execute(&mut pin).await?;
    }
    signalbus.shutdown().await;
    let cost: Cost = server.look(schema).await?.since(&before);
    let wanted = if load.fails {
        load.deliveries - load.deliveries / 100
    } else {
        load.deliveries
    };
    if watcher.count() as u64 != wanted {
        return Err(format!("{} of {wanted} were sent", watcher.count()).into());
    }
    let rate = load.deliveries as f64 / took.as_secs_f64();
    let tables = if load.name == "not pinned" {
        server.wal_by_table(schema, &from, load.deliveries).await?
    } else {
        Value::Null
    };
    Ok(json!({
        "system": "signalbus", "load": load.name, "deliveries": load.deliveries,
        "per_second": rate.round(), "per_second_and_core": (rate / 2.0).round(),
        "wal_bytes": per(cost.wal, load.deliveries), "commits": per(cost.commits, load.deliveries),
        "dead_rows": per(cost.dead, load.deliveries), "disk_bytes": per(server.size(schema).await?, load.deliveries),
        "wal_by_table": tables,
    }))
}

fn per(all: i64, deliveries: u64) -> f64 {
    (all as f64 / deliveries as f64 * 1_000.0).round() / 1_000.0
}

/// How long publishing at each rate is watched.
const WATCHED: Duration = Duration::from_secs(10);

/// Single events at a given rate, each when it is its time, however long the last one took.
async fn latency(server: &Server, schema: &str, rate: u64) -> Result<Value, Box<dyn Error>> {
    let watcher = Watcher::default();
    let signalbus = engine(server, schema, &watcher).await?;
    signalbus.start();
    let count = rate * WATCHED.as_secs();
    let began = Instant::now();
    let mut calls = Vec::new();
    for number in 0..count {
        let due = Duration::from_secs(1) * u32::try_from(number)? / u32::try_from(rate)?;
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        let signalbus = signalbus.clone();
        calls.push(tokio::spawn(async move {
            let asked = Instant::now();
            signalbus
                .publish(event(number))
                .await
                .map(|_| (number, asked))
                .ok()
        }));
    }
    let mut asked = vec![None; usize::try_from(count)?];
    for call in calls {
        let (number, at) = call.await?.ok_or("a publish failed")?;
        asked[usize::try_from(number)?] = Some(at);
    }
    server.ended(schema, count).await?;
    signalbus.shutdown().await;
    let came = watcher.came.lock().unwrap_or_else(PoisonError::into_inner);
    // The first tenth is spent on connections and plans.
    let mut times: Vec<Duration> = came
        .iter()
        .filter(|(number, _)| *number >= count / 10)
        .filter_map(|(number, at)| {
            Some(at.saturating_duration_since(asked[usize::try_from(*number).ok()?]?))
        })
        .collect();
    times.sort_unstable();
    let at = |share: f64| {
        let place = ((times.len() - 1) as f64 * share) as usize;
        (times[place].as_secs_f64() * 100_000.0).round() / 100.0
    };
    Ok(json!({
        "system": "signalbus", "load": format!("latency at {rate}/s"), "deliveries": times.len(),
        "p50_ms": at(0.5), "p99_ms": at(0.99), "max_ms": at(1.0),
    }))
}
