use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use signalbus_core::{
    Bus, Entropy,
    bus::{Delivered, Envelope, Offset, Subscription},
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

    /// A subscription to [`Harness::topic`] in [`Harness::group`].
    pub async fn subscribe(&self) -> Reader {
        self.subscribe_as(&self.group).await
    }

    /// A subscription to [`Harness::topic`] in this group.
    pub async fn subscribe_as(&self, group: &str) -> Reader {
        self.subscribe_to(&[&self.topic], group).await
    }

    /// A subscription to these topics.
    pub async fn subscribe_to(&self, topics: &[&str], group: &str) -> Reader {
        let topics: Vec<String> = topics.iter().map(|&topic| topic.to_owned()).collect();
        Reader(self.bus.subscribe(&topics, group).await.unwrap())
    }

    /// Publishes these payloads with one key.
    pub async fn publish(&self, key: &str, payloads: &[&str]) {
        let batch = payloads.iter().map(|text| self.envelope(key, text));
        self.bus.publish(batch.collect()).await.unwrap();
    }

    /// An envelope for [`Harness::topic`].
    #[must_use]
    pub fn envelope(&self, key: &str, payload: &str) -> Envelope {
        Envelope {
            topic: self.topic.clone(),
            key: key.as_bytes().to_vec(),
            headers: BTreeMap::new(),
            payload: payload.as_bytes().to_vec().into(),
        }
    }
}

/// A subscription that does not wait for ever, and looks through duplicates, as every consumer of
/// a bus has to.
#[derive(Debug)]
pub struct Reader(Box<dyn Subscription>);

impl Reader {
    /// What comes next.
    pub async fn next(&mut self, limit: usize) -> Vec<Delivered> {
        in_time(self.0.next(limit)).await.unwrap()
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

    /// Says that this envelope and all before it are stored.
    pub async fn ack(&mut self, delivered: &Delivered) {
        self.0.ack(vec![delivered.next.clone()]).await.unwrap();
    }

    /// Says that all of these are stored.
    pub async fn ack_all(&mut self, delivered: &[Delivered]) {
        let mut highest: BTreeMap<(String, u32), u64> = BTreeMap::new();
        for Delivered { next, .. } in delivered {
            let place = highest
                .entry((next.topic.clone(), next.partition))
                .or_default();
            *place = next.next.max(*place);
        }
        let positions = highest
            .into_iter()
            .map(|((topic, partition), next)| Offset {
                topic,
                partition,
                next,
            })
            .collect();
        self.0.ack(positions).await.unwrap();
    }

    /// Starts over behind this envelope.
    pub async fn seek_behind(&mut self, delivered: &Delivered) {
        self.0.seek(delivered.next.clone()).await.unwrap();
    }

    /// Waits for something as long as one poll lasts, and then gives up.
    pub fn glance(&mut self) -> Option<Vec<Delivered>> {
        let mut next = self.0.next(100);
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        match next.as_mut().poll(&mut context) {
            std::task::Poll::Ready(answer) => Some(answer.unwrap()),
            std::task::Poll::Pending => None,
        }
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
