//! What it brings to write several groups of lanes at once: a backlog is worked off on a store in memory
//! whose every call takes a while, as a database's does. By one writer with a quarter of the slots and of the
//! window that are the default, by one with all of them, and by the default's four.
//!
//! `cargo bench -p signalbus-benches --bench workers`

#![expect(clippy::print_stdout, reason = "a benchmark prints what it measured")]

use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use signalbus::{
    Builder, EngineOptions, Event, Idempotency, MemoryStore, Policy, Recipient, Signalbus, Store,
    store::{
        DeliveryFilter, EndState, Fetched, Flush, Flushed, LaneHolding, LaneLease, LaneRequest,
        State, StoreError, Window,
    },
};
use signalbus_benches::{Cpu, NoTemplates, Taker};
use signalbus_testkit::{Layered, StoreLayer};

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const DELIVERIES: u64 = 60_000;
const ROUNDS: usize = 3;
const LANES: u16 = 64;

/// A store whose calls take a while, however much they do.
#[derive(Debug, Clone)]
struct Slow {
    inner: MemoryStore,
    call: Duration,
}

#[async_trait]
impl StoreLayer for Slow {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError> {
        tokio::time::sleep(self.call).await;
        self.inner.hold_lanes(request).await
    }

    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError> {
        tokio::time::sleep(self.call).await;
        self.inner.fetch(lanes, window).await
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        tokio::time::sleep(self.call).await;
        self.inner.flush(lanes, flush).await
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let milliseconds = std::env::args().filter_map(|argument| argument.parse().ok());
    let mut calls: Vec<u64> = milliseconds.collect();
    if calls.is_empty() {
        calls = vec![1, 3, 10];
    }
    for call in calls {
        let call = Duration::from_millis(call);
        println!("{call:?} a call of the store");
        let [mut one, mut wide, mut four] = [(); 3].map(|()| Vec::new());
        for _ in 0..ROUNDS {
            one.push(runtime.block_on(drain(call, a_quarter()))?);
            wide.push(runtime.block_on(drain(call, EngineOptions::default().with_writers(1)))?);
            four.push(runtime.block_on(drain(call, EngineOptions::default()))?);
        }
        let (one, wide, four) = (median(one), median(wide), median(four));
        println!("  one writer with a quarter of the slots: {one:>8.0} deliveries/s");
        println!("  one writer with all of them:            {wide:>8.0} deliveries/s");
        println!("  four writers:                           {four:>8.0} deliveries/s");
        println!(
            "  four writers: {:.2} times one with all slots",
            four / wide
        );
        println!("  four workers: {:.2} times one", four / one);
    }
    Ok(())
}

fn median(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates.get(rates.len() / 2).copied().unwrap_or_default()
}

/// Deliveries a second.
async fn drain(call: Duration, options: EngineOptions) -> Result<f64, Box<dyn std::error::Error>> {
    let inner = MemoryStore::builder().lanes(LANES).build();
    publish(engine(inner.clone(), Taker::default(), options.clone())).await?;
    let taker = Taker::default();
    let slow = Layered(Slow { inner, call });
    let bus = engine(slow, taker.clone(), options).build()?;
    let clock = Cpu::start();
    bus.start();
    taker.reaches(DELIVERIES).await;
    bus.idle().await;
    let (_, wall) = clock.stop();
    let filter = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
    let accepted: u64 = bus
        .tally(&filter)
        .await?
        .iter()
        .map(|tally| tally.count)
        .sum();
    if accepted != DELIVERIES {
        return Err(format!("{accepted} of {DELIVERIES} were accepted").into());
    }
    bus.shutdown().await;
    #[expect(
        clippy::cast_precision_loss,
        reason = "counts of a benchmark are small"
    )]
    Ok(DELIVERIES as f64 / wall.as_secs_f64())
}

/// What one of four workers would have.
fn a_quarter() -> EngineOptions {
    let mut options = EngineOptions::default().with_writers(1);
    options.slots /= 4;
    options.window /= 4;
    options
}

fn engine(store: impl Store, taker: Taker, options: EngineOptions) -> Builder {
    Signalbus::builder()
        .store(store)
        .channel(NoTemplates, taker)
        .policy(Policy::new().on::<NoTemplates>("bench.*"))
        .options(options)
}

async fn publish(builder: Builder) -> Result<(), Box<dyn std::error::Error>> {
    let bus = builder.build()?;
    for first in (0..DELIVERIES).step_by(1_000) {
        let events = (first..first + 1_000).map(|number| {
            let person = Recipient::new().on::<NoTemplates>(format!("somebody-{number}"));
            Event::new("bench.line", Idempotency::None)
                .to(person)
                .data(json!({ "text": "your parcel is on its way" }))
        });
        for answer in bus.publish_all(events.collect()).await? {
            answer?;
        }
    }
    Ok(())
}
