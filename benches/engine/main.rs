//! CPU time of the engine for one delivery, on the store in memory: publish, schedule, claim,
//! settle and history, without rendering; and beside it the same with a real HTML mail rendered.
//!
//! `cargo bench -p signalbus-benches --bench engine`, and once more with `--no-default-features`:
//! many small things are allocated, so that it matters by whom; mimalloc unless told otherwise.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

mod mail;

use std::time::Duration;

use serde_json::json;
use signalbus::{
    Builder, Event, Idempotency, MemoryStore, Policy, Recipient, Signalbus,
    store::{DeliveryFilter, EndState, State},
};
use signalbus_benches::{Cpu, NoTemplates, Taker};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DELIVERIES: u64 = 100_000;
const ROUNDS: usize = 9;

/// What is measured.
struct Scenario {
    name: &'static str,
    /// Events published at once.
    batch: u64,
    /// At most this many wait to be sent.
    ahead: u64,
    keyed: bool,
    mail: bool,
}

/// Small batches, so that what is in hand fits into a processor's cache.
const BARE: Scenario = Scenario {
    name: "bare engine",
    batch: 100,
    ahead: 100,
    keyed: false,
    mail: false,
};

const SCENARIOS: [Scenario; 5] = [
    BARE,
    Scenario {
        name: "large batches",
        batch: 500,
        ahead: 500,
        ..BARE
    },
    Scenario {
        name: "backlog",
        batch: 500,
        ahead: DELIVERIES,
        ..BARE
    },
    Scenario {
        name: "keys",
        keyed: true,
        ..BARE
    },
    Scenario {
        name: "HTML mail",
        mail: true,
        ..BARE
    },
];

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One thread: the CPU time is that of the engine, not of threads looking for work.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    // An argument picks the measurements whose names contain it.
    let wanted = std::env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let wanted = |name: &str| wanted.as_deref().is_none_or(|wanted| name.contains(wanted));
    let mut bare = None;
    for scenario in &SCENARIOS {
        if !wanted(scenario.name) {
            continue;
        }
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(if scenario.mail {
                runtime.block_on(run(mail::builder()?, mail::event, scenario))?
            } else {
                runtime.block_on(run(line(), line_event, scenario))?
            });
        }
        let median = report(scenario, rounds);
        let bare = *bare.get_or_insert(median);
        println!("    {:.2} times the first", median / bare);
    }
    Ok(())
}

fn line() -> (Builder, Taker) {
    let taker = Taker::default();
    let builder = Signalbus::builder()
        .channel(NoTemplates, taker.clone())
        .policy(Policy::new().on::<NoTemplates>("bench.*"));
    (builder, taker)
}

fn line_event(number: u64) -> Event {
    let recipient = Recipient::new().on::<NoTemplates>(format!("somebody-{number}"));
    Event::new("bench.line", Idempotency::None)
        .to(recipient)
        .data(json!({ "text": "your parcel is on its way", "number": number }))
}

fn make(event: fn(u64) -> Event, number: u64, keyed: bool) -> Event {
    let mut event = event(number);
    if keyed {
        event.idempotency = Idempotency::key(format!("bench-{number}"));
    }
    event
}

/// Publishes and sends all deliveries, and checks that each was sent and recorded once.
async fn run(
    (builder, taker): (Builder, Taker),
    event: fn(u64) -> Event,
    scenario: &Scenario,
) -> Result<Duration, Box<dyn std::error::Error>> {
    let Scenario {
        batch,
        ahead,
        keyed,
        ..
    } = *scenario;
    let signalbus = builder.store(MemoryStore::new()).start().await?;
    let mut cpu = Cpu::start();
    for first in (0..DELIVERIES).step_by(usize::try_from(batch)?) {
        let end = (first + batch).min(DELIVERIES);
        // To make an event is the host's work.
        let events = cpu.aside(|| {
            (first..end)
                .map(|number| make(event, number, keyed))
                .collect()
        });
        for answer in signalbus.publish_all(events).await? {
            answer?;
        }
        taker.reaches(end.saturating_sub(ahead)).await;
    }
    taker.reaches(DELIVERIES).await;
    signalbus.shutdown().await;
    let (cpu, _) = cpu.stop();
    let filter = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
    let accepted: u64 = signalbus
        .tally(&filter)
        .await?
        .iter()
        .map(|tally| tally.count)
        .sum();
    if accepted != DELIVERIES || taker.taken() != DELIVERIES {
        return Err(format!(
            "{accepted} recorded and {} sent of {DELIVERIES}",
            taker.taken()
        )
        .into());
    }
    Ok(cpu)
}

/// Prints minimum, median and maximum; returns the median in microseconds a delivery.
fn report(scenario: &Scenario, mut rounds: Vec<Duration>) -> f64 {
    rounds.sort_unstable();
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a benchmark are small"
    )]
    let each = |total: Duration| total.as_secs_f64() * 1e6 / DELIVERIES as f64;
    let median = each(rounds[rounds.len() / 2]);
    println!(
        "{}: {median:.2} us of CPU a delivery (min {:.2}, max {:.2}; {ROUNDS} rounds of {DELIVERIES} in batches of {})",
        scenario.name,
        each(rounds[0]),
        each(rounds[rounds.len() - 1]),
        scenario.batch,
    );
    median
}
