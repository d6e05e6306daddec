//! Durable deliveries a second on Postgres, by one process and by two, beside a bare loop that
//! inserts and updates as many rows in batches on the same server; and what each delivery costs
//! the server: bytes of its log, commits, dead rows.
//!
//! `cargo bench -p signalbus-benches --bench postgres`, and with `-- shapes` behind it loads of other shapes, whose
//! results are written to `benches/results/`. It starts a private server that waits for
//! the disk, on the same machine. With `-- flood` it measures what a tenant's million does to another tenant; a number behind
//! that is how many a second the provider takes.

#![expect(
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a benchmark prints what it measured, and its counts are small"
)]

mod flood;
mod peers;
mod results;
mod server;
mod shapes;
mod wal;

use std::{
    error::Error,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use signalbus::{
    EngineOptions, Event, Idempotency, Policy, Recipient, Signalbus, postgres::PostgresStore,
};
use signalbus_benches::{NoTemplates, Taker};

use crate::server::{Cost, Server};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DELIVERIES: u64 = 40_000;
const BATCH: u64 = 500;
const ROUNDS: usize = 3;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let what = arguments.next();
    if what.as_deref() == Some("shapes") {
        let server = Server::start().await?;
        let mut rounds = Vec::new();
        for round in 0..ROUNDS {
            let mut all = drains(&server, round).await?;
            all.extend(shapes::round(&server, round).await?);
            all.extend(peers::round(&server, round).await?);
            rounds.push(all);
        }
        return results::write("postgres-shapes", rounds);
    }
    if what.as_deref() == Some("flood") {
        let rate = arguments.next().map(|rate| rate.parse()).transpose()?;
        return flood::run(&Server::start().await?, rate).await;
    }
    if what.as_deref() == Some("send") {
        let url = arguments.next().ok_or("no URL")?;
        let sender = engine(&url).await?;
        sender.start();
        return std::future::pending().await;
    }
    let server = Server::start().await?;
    let mut bare = Vec::new();
    let mut runs: Vec<(&str, Vec<(Duration, Cost)>)> = Vec::new();
    for round in 0..ROUNDS {
        bare.push(server.bare(round).await?);
        for (name, processes, drain) in [
            ("drain, one process", 1, true),
            ("drain, two processes", 2, true),
            ("whole, one process", 1, false),
            ("whole, two processes", 2, false),
        ] {
            let schema = format!("bench_{round}_{processes}_{drain}");
            let run = run(&server, &schema, processes, drain).await?;
            match runs.iter_mut().find(|(of, _)| *of == name) {
                Some((_, all)) => all.push(run),
                None => runs.push((name, vec![run])),
            }
        }
    }
    let bare = report("bare batched insert and update", bare);
    for (name, all) in runs {
        let (times, costs): (Vec<_>, Vec<_>) = all.into_iter().unzip();
        let rate = report(name, times);
        println!(
            "  a delivery costs {:.2} times an inserted and updated row",
            bare / rate
        );
        Cost::print(&costs, DELIVERIES);
    }
    Ok(())
}

/// The two clocks of the peers: `drain` from the start of workers to the last result, of what was published before;
/// `whole` with the time that publishing took.
async fn drains(server: &Server, round: usize) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut results = Vec::new();
    for (processes, load) in [
        (1, "drain and whole, one process"),
        (2, "drain and whole, two processes"),
    ] {
        let schema = format!("drain_{round}_{processes}");
        let url = format!("{}?schema={schema}", server.url());
        let publisher = engine(&url).await?;
        let began = Instant::now();
        publish(&publisher).await?;
        let published = began.elapsed();
        server.settle(&schema).await?;
        let before = server.look(&schema).await?;
        let drained = senders(server, &schema, &url, processes).await?;
        let cost = server.look(&schema).await?.since(&before);
        let per_second = |time: Duration| (DELIVERIES as f64 / time.as_secs_f64()).round();
        let result = json!({
            "system": "signalbus", "load": load, "deliveries": DELIVERIES,
            "insert_per_second": per_second(published),
            "drain_per_second": per_second(drained),
            "whole_per_second": per_second(published + drained),
            "wal_bytes": (cost.wal as f64 / DELIVERIES as f64).round(),
        });
        println!("{result}");
        results.push(result);
    }
    Ok(results)
}

/// Lets processes send all that waits; how long that took.
async fn senders(
    server: &Server,
    schema: &str,
    url: &str,
    processes: usize,
) -> Result<Duration, Box<dyn Error>> {
    let began = Instant::now();
    let children = start(url, processes)?;
    server.is_done(schema).await?;
    let took = began.elapsed();
    stop(children)?;
    if server.sent(schema).await? != DELIVERIES {
        return Err("not all were sent".into());
    }
    Ok(took)
}

/// Processes that send what waits.
fn start(url: &str, processes: usize) -> Result<Vec<Child>, Box<dyn Error>> {
    let start = |_| {
        Command::new(std::env::current_exe()?)
            .args(["send", url])
            .stdin(Stdio::null())
            .spawn()
    };
    Ok((0..processes).map(start).collect::<Result<_, _>>()?)
}

fn stop(children: Vec<Child>) -> Result<(), Box<dyn Error>> {
    for mut child in children {
        child.kill()?;
        child.wait()?;
    }
    Ok(())
}

/// Sends all, published before (`drain`) or meanwhile.
async fn run(
    server: &Server,
    schema: &str,
    processes: usize,
    drain: bool,
) -> Result<(Duration, Cost), Box<dyn Error>> {
    let url = format!("{}?schema={schema}", server.url());
    let publisher = engine(&url).await?;
    if drain {
        publish(&publisher).await?;
    }
    let before = server.look(schema).await?;
    let began = Instant::now();
    let children = start(&url, processes)?;
    if !drain {
        publish(&publisher).await?;
    }
    server.is_done(schema).await?;
    let took = began.elapsed();
    stop(children)?;
    let cost = server.look(schema).await?.since(&before);
    let sent = server.sent(schema).await?;
    if sent != DELIVERIES {
        return Err(format!("{sent} of {DELIVERIES} were sent").into());
    }
    Ok((took, cost))
}

async fn engine(url: &str) -> Result<Signalbus, Box<dyn Error>> {
    Ok(Signalbus::builder()
        .store(PostgresStore::open(url).await?)
        .channel(NoTemplates, Taker::default())
        .policy(Policy::new().on::<NoTemplates>("bench.*"))
        .options(EngineOptions::default().with_slots(1_024).with_flush(1_024))
        .build()?)
}

async fn publish(publisher: &Signalbus) -> Result<(), Box<dyn Error>> {
    for batch in 0..DELIVERIES / BATCH {
        let events = (0..BATCH).map(|number| event(batch * BATCH + number));
        for answer in publisher.publish_all(events.collect()).await? {
            answer?;
        }
    }
    Ok(())
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

/// Prints minimum, median and maximum; returns the median a second.
fn report(what: &str, mut rounds: Vec<Duration>) -> f64 {
    rounds.sort_unstable();
    let each = |total: Duration| DELIVERIES as f64 / total.as_secs_f64();
    let median = each(rounds[rounds.len() / 2]);
    println!(
        "{what}: {median:.0} a second (min {:.0}, max {:.0}; {DELIVERIES}, {ROUNDS} rounds)",
        each(rounds[rounds.len() - 1]),
        each(rounds[0]),
    );
    median
}
