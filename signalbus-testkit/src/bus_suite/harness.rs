use std::{collections::BTreeSet, sync::Arc, time::Duration};

use signalbus_core::{
    Bus, Entropy,
    bus::{Batch, BusKind, Delivered, Envelope, Offset, Partition, Place, Start, Subscription},
    id::IdSource,
};

use crate::clock::ManualClock;

/// What a case works with: a bus, and topics and a group that nobody used before.
#[derive(Debug)]
pub struct Harness {
    /// The bus.
    pub bus: Box<dyn Bus>,
    /// A topic.
    pub topic: String,
    /// Another topic.
    pub other_topic: String,
    /// A group.
    pub group: String,
}

impl Harness {
    /// How long anything may take before the case fails. Real time: a bus may be another process.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// A bus made by `open`; for a case on a runtime of your own, otherwise see
    /// [`run`](super::run).
    pub async fn new<F, B>(open: F) -> Self
    where
        F: AsyncFn(&[String]) -> B,
        B: Bus,
    {
        // Names that no earlier run used, for brokers that keep what they got.
        let ids = IdSource::new(
            Arc::new(ManualClock::default()),
            Arc::new(Entropy::from_os()),
        );
        let name = |what| format!("suite-{what}-{}", ids.event());
        let topics = [name("a"), name("b")];
        let bus = Box::new(open(&topics).await);
        let [topic, other_topic] = topics;
        Self {
            bus,
            topic,
            other_topic,
            group: name("group"),
        }
    }

    /// A member of [`Harness::group`] that reads all of [`Harness::topic`].
    pub async fn subscribe(&self) -> Reader {
        self.subscribe_as(&self.group).await
    }

    /// The same in this group.
    pub async fn subscribe_as(&self, group: &str) -> Reader {
        self.subscribe_to(&self.topic, group).await
    }

    /// A member that reads all of this topic: on a positioned bus, every partition from its
    /// earliest envelope.
    pub async fn subscribe_to(&self, topic: &str, group: &str) -> Reader {
        let mut reader = self.member(topic, group).await;
        if self.bus.kind() == BusKind::Positioned {
            reader.assign(self.all(Start::Earliest).await).await;
        }
        reader
    }

    /// A member that reads nothing of a positioned bus yet.
    pub async fn member(&self, topic: &str, group: &str) -> Reader {
        Reader(in_time(self.bus.subscribe(topic, group)).await.unwrap())
    }

    /// All partitions of [`Harness::topic`].
    pub async fn all(&self, start: Start) -> Vec<Partition> {
        let count = in_time(self.bus.partitions(&self.topic)).await.unwrap();
        (0..count)
            .map(|partition| Partition { partition, start })
            .collect()
    }

    /// Publishes these payloads with one key.
    pub async fn publish(&self, key: &str, payloads: &[&str]) {
        let batch = payloads.iter().map(|text| self.envelope(key, text));
        self.bus.publish(batch.collect()).await.unwrap();
    }

    /// An envelope for [`Harness::topic`].
    #[must_use]
    pub fn envelope(&self, key: &str, payload: &str) -> Envelope {
        Envelope::new(&self.topic, key, payload.as_bytes().to_vec())
    }
}

/// A subscription that does not wait for ever, and looks through duplicates, as every consumer of
/// a bus has to.
#[derive(Debug)]
pub struct Reader(Box<dyn Subscription>);

impl Reader {
    /// What comes next; nothing may be wrong with it.
    pub async fn next(&mut self, limit: usize) -> Vec<Delivered> {
        let batch = self.batch(limit).await;
        assert_eq!(batch.troubles, []);
        batch.delivered
    }

    /// What comes next.
    pub async fn batch(&mut self, limit: usize) -> Batch {
        in_time(self.0.next(limit)).await.unwrap()
    }

    /// Sets the partitions that are read.
    pub async fn assign(&mut self, partitions: Vec<Partition>) -> Vec<Offset> {
        in_time(self.0.assign(partitions)).await.unwrap()
    }

    /// How much waits in all.
    pub async fn lag(&mut self) -> u64 {
        let lag = in_time(self.0.lag()).await.unwrap();
        lag.iter().map(|lag| lag.behind).sum()
    }

    /// Reads until so many different payloads came; in the order in which each came first.
    pub async fn read(&mut self, count: usize) -> Vec<Delivered> {
        let mut seen = BTreeSet::new();
        let mut read = Vec::new();
        while read.len() < count {
            for delivered in self.next(100).await {
                if seen.insert(text(&delivered)) {
                    read.push(delivered);
                }
            }
        }
        assert_eq!(read.len(), count, "{seen:?}");
        read
    }

    /// The payloads of [`Reader::read`].
    pub async fn texts(&mut self, count: usize) -> Vec<String> {
        self.read(count).await.iter().map(text).collect()
    }

    /// Says that these are stored.
    pub async fn ack(&mut self, delivered: &[Delivered]) {
        let places = delivered.iter().map(|delivered| delivered.place.clone());
        in_time(self.0.ack(places.collect())).await.unwrap();
    }

    /// Waits for something as long as one poll lasts, and then gives up.
    pub fn glance(&mut self) -> Option<Vec<Delivered>> {
        let mut next = self.0.next(100);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match next.as_mut().poll(&mut context) {
            std::task::Poll::Ready(answer) => Some(answer.unwrap().delivered),
            std::task::Poll::Pending => None,
        }
    }
}

/// Its place on a positioned bus.
#[must_use]
pub fn offset(delivered: &Delivered) -> Offset {
    match &delivered.place {
        Place::Offset(offset) => *offset,
        Place::Tag(tag) => panic!("{tag} is no offset"),
    }
}

/// The payload.
#[must_use]
pub fn text(delivered: &Delivered) -> String {
    String::from_utf8_lossy(&delivered.envelope.payload).into_owned()
}

#[expect(
    clippy::disallowed_methods,
    reason = "a bus may be another process, which no test clock moves"
)]
pub(super) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Harness::PATIENCE, work)
        .await
        .expect("it happened in time")
}
