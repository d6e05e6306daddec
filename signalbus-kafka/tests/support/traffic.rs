//! Publishing and reading that go on while brokers come and go.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use signalbus_core::bus::{Bus, BusErrorKind, Start};
use signalbus_kafka::KafkaBus;
use tokio::task::JoinHandle;

use crate::support::{all, envelope, offset, text};

const KEYS: u64 = 7;

/// Publishes numbers, each until it is taken, and reads them.
pub(crate) struct Traffic {
    pub(crate) published: Arc<AtomicU64>,
    pub(crate) read: Arc<AtomicU64>,
    /// How many calls failed.
    pub(crate) failed: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
    publisher: JoinHandle<()>,
    reader: JoinHandle<()>,
}

impl Traffic {
    pub(crate) async fn start(bus: &KafkaBus, topic: &str, partitions: u32) -> Self {
        let (published, read) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let failed = Arc::<AtomicU64>::default();
        let ending = Arc::<AtomicBool>::default();
        bus.partitions(topic).await.expect("a topic");
        let publisher = publish(
            bus.clone(),
            topic.to_owned(),
            Arc::clone(&published),
            Arc::clone(&failed),
            Arc::clone(&ending),
        );
        let reader = consume(
            bus.clone(),
            topic.to_owned(),
            partitions,
            Arc::clone(&published),
            Arc::clone(&read),
            Arc::clone(&failed),
            Arc::clone(&ending),
        );
        Self {
            publisher: tokio::spawn(publisher),
            reader: tokio::spawn(reader),
            published,
            read,
            failed,
            ending,
        }
    }

    /// Waits until so many more were published and read, within a minute.
    pub(crate) async fn more(&self, count: u64) {
        let until = self.published.load(Ordering::SeqCst) + count;
        for _ in 0..600 {
            if self.read.load(Ordering::SeqCst) >= until || self.reader.is_finished() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!(
            "{} of {until} were read, {} published",
            self.read.load(Ordering::SeqCst),
            self.published.load(Ordering::SeqCst)
        );
    }

    /// Ends it, and waits until all that was published is read; what was read is checked as it
    /// comes.
    pub(crate) async fn end(self) {
        self.ending.store(true, Ordering::SeqCst);
        self.publisher.await.expect("published");
        tokio::time::timeout(Duration::from_secs(60), self.reader)
            .await
            .expect("all is read within a minute")
            .expect("read");
    }
}

async fn publish(
    bus: KafkaBus,
    topic: String,
    published: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
) {
    while !ending.load(Ordering::SeqCst) {
        let number = published.load(Ordering::SeqCst);
        let key = format!("key-{}", number % KEYS);
        loop {
            let sent = envelope(&topic, &key, &number.to_string());
            match bus.publish(vec![sent]).await {
                Ok(()) => break,
                Err(error) => {
                    assert_eq!(error.kind(), BusErrorKind::Unavailable, "{error}");
                    failed.fetch_add(1, Ordering::SeqCst);
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
        published.store(number + 1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn consume(
    bus: KafkaBus,
    topic: String,
    partitions: u32,
    published: Arc<AtomicU64>,
    read: Arc<AtomicU64>,
    failed: Arc<AtomicU64>,
    ending: Arc<AtomicBool>,
) {
    let mut subscription = bus.subscribe(&topic, "group").await.expect("subscribed");
    let started = subscription.assign(all(partitions, Start::Earliest)).await;
    started.expect("assigned");
    let mut expected: BTreeMap<u32, u64> = BTreeMap::new();
    let mut seen: BTreeSet<u64> = BTreeSet::new();
    let mut last: BTreeMap<u64, u64> = BTreeMap::new();
    loop {
        let all = u64::try_from(seen.len()).unwrap() >= published.load(Ordering::SeqCst);
        if ending.load(Ordering::SeqCst) && all {
            return;
        }
        let wait = Duration::from_millis(200);
        let batch = match tokio::time::timeout(wait, subscription.next(50)).await {
            Err(_) => continue,
            Ok(Ok(batch)) => batch,
            Ok(Err(error)) => {
                assert_eq!(error.kind(), BusErrorKind::Unavailable, "{error}");
                failed.fetch_add(1, Ordering::SeqCst);
                continue;
            }
        };
        assert_eq!(batch.troubles, []);
        for delivered in &batch.delivered {
            // Each offset once, and in order.
            let at = offset(delivered);
            let next = expected.entry(at.partition).or_default();
            assert_eq!(at.next - 1, *next, "of partition {}", at.partition);
            *next += 1;
            // Each key in order; what was published twice because an answer was lost is known.
            let number: u64 = text(delivered).parse().expect("a number");
            if seen.insert(number) {
                let before = last.insert(number % KEYS, number);
                assert!(
                    before.is_none_or(|before| before + KEYS == number),
                    "{number}"
                );
            }
        }
        read.store(u64::try_from(seen.len()).unwrap(), Ordering::SeqCst);
    }
}
