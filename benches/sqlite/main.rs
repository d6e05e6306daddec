//! Durable deliveries a second on SQLite: published, claimed, sent, settled, with history, beside
//! a bare loop that inserts and updates as many rows in batches on the same kind of file.
//!
//! `cargo bench -p signalbus-benches --bench sqlite`; with mimalloc unless told otherwise, as in
//! the benchmark of the engine.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::{error::Error, path::Path, time::Duration};

use serde_json::json;
use signalbus::sqlite::SqliteStore;
use signalbus::{
    EngineOptions, Event, Idempotency, Policy, Recipient, Signalbus,
    store::{DeliveryFilter, EndState, State},
};
use signalbus_benches::{Cpu, NoTemplates, Taker};
use sqlx::{
    Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DELIVERIES: u64 = 50_000;
const BATCH: u64 = 500;
const ROUNDS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut engine = Vec::new();
    let mut bare = Vec::new();
    for _ in 0..ROUNDS {
        let directory = tempfile::tempdir()?;
        bare.push(runtime.block_on(bare_loop(&directory.path().join("bare.db")))?);
        engine.push(runtime.block_on(deliveries(&directory.path().join("engine.db")))?);
    }
    let bare = report("bare batched insert and update, synchronous=FULL", bare);
    let engine = report("durable deliveries, synchronous=FULL", engine);
    println!(
        "a delivery costs {:.2} times an inserted and updated row",
        bare / engine
    );
    Ok(())
}

/// The whole way of each delivery, in batches: accept, claim, send, settle, history.
async fn deliveries(path: &Path) -> Result<Duration, Box<dyn Error>> {
    let taker = Taker::default();
    let signalbus = Signalbus::builder()
        .store(SqliteStore::open(path).await?)
        .channel(NoTemplates, taker.clone())
        .policy(Policy::new().on::<NoTemplates>("bench.*"))
        .options(EngineOptions::default().with_slots(1_024).with_flush(1_024))
        .start()
        .await?;
    let time = Cpu::start();
    for batch in 0..DELIVERIES / BATCH {
        let events = (0..BATCH)
            .map(|number| event(batch * BATCH + number))
            .collect();
        for answer in signalbus.publish_all(events).await? {
            answer?;
        }
    }
    taker.reaches(DELIVERIES).await;
    signalbus.idle().await;
    let (_, wall) = time.stop();
    let filter = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
    let accepted: u64 = signalbus
        .tally(&filter)
        .await?
        .iter()
        .map(|tally| tally.count)
        .sum();
    signalbus.shutdown().await;
    if accepted != DELIVERIES || taker.taken() != DELIVERIES {
        return Err(format!(
            "{accepted} recorded and {} sent of {DELIVERIES}",
            taker.taken()
        )
        .into());
    }
    Ok(wall)
}

fn event(number: u64) -> Event {
    let recipient = Recipient::new().on::<NoTemplates>(format!("somebody-{number}"));
    let key = Idempotency::key(format!("bench-{number}"));
    Event::new("bench.line", key)
        .to(recipient)
        .data(json!({ "text": TEXT, "number": number }))
}

/// As long as a short message.
const TEXT: &str = "your parcel is on its way and will be with you on Tuesday between 10 and 12; \
                    follow it at https://acme.example/parcels/00340434161094042557";

/// Inserts and updates as many rows of the same payload, in the same batches, and nothing else.
async fn bare_loop(path: &Path) -> Result<Duration, Box<dyn Error>> {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full);
    let mut connection = SqliteConnection::connect_with(&options).await?;
    sqlx::query(
        "CREATE TABLE queue (id INTEGER PRIMARY KEY, state INTEGER NOT NULL, body BLOB NOT NULL)",
    )
    .execute(&mut connection)
    .await?;
    let time = Cpu::start();
    for batch in 0..DELIVERIES / BATCH {
        let rows: Vec<_> = (0..BATCH)
            .map(|number| json!({ "id": batch * BATCH + number, "body": TEXT }))
            .collect();
        let mut transaction = connection.begin().await?;
        sqlx::query(
            "INSERT INTO queue (id, state, body)
             SELECT value ->> 'id', 0, value ->> 'body' FROM json_each(?)",
        )
        .bind(serde_json::to_string(&rows)?)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
    }
    for batch in 0..DELIVERIES / BATCH {
        let ids: Vec<u64> = (0..BATCH).map(|number| batch * BATCH + number).collect();
        let mut transaction = connection.begin().await?;
        sqlx::query("UPDATE queue SET state = 1 WHERE id IN (SELECT value FROM json_each(?))")
            .bind(serde_json::to_string(&ids)?)
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
    }
    let (_, wall) = time.stop();
    Ok(wall)
}

/// Prints minimum, median and maximum; returns the median a second.
#[expect(
    clippy::cast_precision_loss,
    reason = "counts of a benchmark are small"
)]
fn report(what: &str, mut rounds: Vec<Duration>) -> f64 {
    rounds.sort_unstable();
    let each = |total: Duration| DELIVERIES as f64 / total.as_secs_f64();
    let median = each(rounds[rounds.len() / 2]);
    println!(
        "{what}: {median:.0} a second (min {:.0}, max {:.0}; {DELIVERIES} in batches of {BATCH}, {ROUNDS} rounds)",
        each(rounds[rounds.len() - 1]),
        each(rounds[0]),
    );
    median
}
