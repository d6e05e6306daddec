//! How much memory files take while they are sent: no more than the engine was given for them.
//! A program of its own, as its allocator counts.

#![cfg(test)]
#![cfg(all(feature = "email", feature = "sqlite"))]

use std::{sync::Arc, time::Duration};

use peak_alloc::PeakAlloc;
use signalbus::{
    Attachment, Clock, EngineOptions, Event, Idempotency, Policy, Recipient, Signalbus,
    SystemClock, Templates, channel::Email, sqlite::SqliteStore,
};
use signalbus_testkit::provider::{Play, ScriptedProvider};

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MIB: usize = 1024 * 1024;
const BUDGET: usize = 64 * MIB;
const FILE: usize = 4 * MIB;
const EVENTS: usize = 64;

/// 256 MiB of files in all, of which 64 may be there at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_many_claims_stay_within_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("files.db"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let provider = ScriptedProvider::<Email>::new(clock).named("mail");
    provider.default(Play::accept().after(Duration::from_millis(20)));
    let templates = Templates::new()
        .part("note", "en", "subject.txt", "Hello")
        .and_then(|templates| templates.part("note", "en", "body.txt", "Hello"))
        .unwrap();
    let bus = Signalbus::builder()
        .store(store.await.unwrap())
        .channel(Email::from("hello@acme.test").unwrap(), provider.clone())
        .templates(templates)
        .policy(Policy::new().on::<Email>("note"))
        .options(EngineOptions::default().with_files(u64::try_from(BUDGET).unwrap()))
        .build()
        .unwrap();
    for number in 0..EVENTS {
        let to = Recipient::new().email(format!("person-{number}@example.org"));
        let file = Attachment::new("a.pdf", "application/pdf", vec![1; FILE]);
        let event = Event::new("note", Idempotency::None).to(to).attach(file);
        bus.publish(event).await.unwrap();
    }

    let before = ALLOCATED.current_usage();
    ALLOCATED.reset_peak_usage();
    bus.start();
    bus.idle().await;
    bus.shutdown().await;
    let peak = ALLOCATED.peak_usage() - before;

    assert_eq!(provider.requests().len(), EVENTS);
    assert!(
        peak <= BUDGET + BUDGET / 5,
        "{} MiB were taken at the peak",
        peak / MIB
    );
    assert!(peak >= BUDGET / 2, "{} MiB: the budget is used", peak / MIB);
    println!("peak {:.1} MiB", peak as f64 / MIB as f64);
}
