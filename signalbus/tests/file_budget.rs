//! How much memory files take while they are sent: no more than the engine was given for them.
//! A program of its own, as its allocator counts.

#![cfg(test)]
#![cfg(all(feature = "email", feature = "sqlite"))]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use peak_alloc::PeakAlloc;
use signalbus::{
    Attachment, EngineOptions, Event, Idempotency, Policy, Provider, Recipient, Signalbus,
    Templates,
    channel::Email,
    provider::{Delivery, SendError, Sent},
    sqlite::SqliteStore,
};
use tokio::sync::Barrier;

#[global_allocator]
static ALLOCATED: PeakAlloc = PeakAlloc;

const MIB: usize = 1024 * 1024;
const BUDGET: usize = 64 * MIB;
const FILE: usize = 4 * MIB;
const EVENTS: usize = 64;
/// As many as the budget has room for.
const AT_ONCE: usize = BUDGET / FILE;

/// Takes messages when as many are there as there is room for, so that it is used.
#[derive(Debug, Clone)]
struct Together {
    barrier: Arc<Barrier>,
    taken: Arc<AtomicUsize>,
}

#[async_trait]
impl Provider<Email> for Together {
    fn name(&self) -> &str {
        "together"
    }

    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        delivery.request_started();
        assert_eq!(delivery.message.attachments[0].content.len(), FILE);
        self.barrier.wait().await;
        self.taken.fetch_add(1, Ordering::SeqCst);
        Ok(Sent::new())
    }
}

/// 256 MiB of files in all, of which 64 may be there at once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_many_claims_stay_within_the_budget() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("files.db"));
    let provider = Together {
        barrier: Arc::new(Barrier::new(AT_ONCE)),
        taken: Arc::default(),
    };
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

    assert_eq!(provider.taken.load(Ordering::SeqCst), EVENTS);
    println!("{peak} bytes at the peak");
    assert!(peak >= BUDGET, "{peak} bytes: the room is used");
    assert!(peak <= BUDGET + BUDGET / 5, "{peak} bytes were taken");
}
