//! Publishing: what goes to the same partition goes together and in order, one batch at a time.

mod item;
mod lane;
mod waiting;

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use signalbus_core::{
    bus::{BusError, BusErrorKind, Envelope},
    clock::Clock,
};
use tokio::sync::Semaphore;

use self::{item::Item, lane::Lane};
use crate::{
    KafkaConfig, client::Client, config::Producing, error::Failure, murmur2, settings::Settings,
    task::within, topics::Topics,
};

/// Publishes to all topics.
#[derive(Debug)]
pub(crate) struct Producer {
    settings: Arc<Settings>,
    producing: Producing,
    clock: Arc<dyn Clock>,
    client: Arc<Client>,
    topics: Arc<Topics>,
    /// The bytes that may still wait.
    room: Arc<Semaphore>,
    lanes: Mutex<HashMap<Key, Arc<Lane>>>,
}

/// A topic and a partition of it.
type Key = (Arc<str>, u32);

impl Producer {
    pub(crate) fn new(
        config: &KafkaConfig,
        settings: &Arc<Settings>,
        client: &Arc<Client>,
        topics: &Arc<Topics>,
    ) -> Self {
        Self {
            settings: Arc::clone(settings),
            producing: config.producing,
            clock: Arc::clone(&config.clock),
            client: Arc::clone(client),
            topics: Arc::clone(topics),
            room: Arc::new(Semaphore::new(config.producing.waiting_bytes)),
            lanes: Mutex::default(),
        }
    }

    /// Publishes, and answers when all replicas that are in sync have it. When this is dropped,
    /// what waits is published all the same.
    pub(crate) async fn publish(&self, batch: Vec<Envelope>) -> Result<(), BusError> {
        let most = self.producing.max_payload;
        if batch.iter().any(|envelope| envelope.payload.len() > most) {
            let problem = format!("a payload has more than {most} bytes");
            return Err(BusError::new(BusErrorKind::Invalid, problem));
        }
        let mut answers = Vec::new();
        for (key, items) in self.sorted(batch).await? {
            let bytes = items.iter().map(Item::bytes).sum();
            let permit = self
                .permit(bytes)
                .await
                .map_err(|failure| failure.at("waiting for what was published before"))?;
            let answer = self.lane(&key).push(items, bytes, permit);
            answers.push((key.0, answer));
        }
        let mut done = Ok(());
        for (topic, answer) in answers {
            let answer = answer
                .await
                .unwrap_or_else(|_| Err(Arc::new(Failure::Client)));
            if let Err(failure) = answer {
                if matches!(*failure, Failure::Missing) {
                    self.topics.forget(&topic).await;
                }
                let failure = Arc::try_unwrap(failure).unwrap_or_else(|shared| shared.again());
                done = done.and(Err(
                    failure.at(&format!("publishing to the topic `{topic}`"))
                ));
            }
        }
        done
    }

    /// By topic and partition, each in its order.
    async fn sorted(&self, batch: Vec<Envelope>) -> Result<BTreeMap<Key, Vec<Item>>, BusError> {
        let now = self.clock.now();
        let mut counts: HashMap<Arc<str>, u32> = HashMap::new();
        let mut sorted: BTreeMap<Key, Vec<Item>> = BTreeMap::new();
        for envelope in batch {
            let (topic, count) = match counts.get_key_value(envelope.topic.as_str()) {
                Some((topic, count)) => (Arc::clone(topic), *count),
                None => {
                    let count = self.topics.partitions(&envelope.topic).await?;
                    let topic: Arc<str> = Arc::from(envelope.topic.as_str());
                    counts.insert(Arc::clone(&topic), count);
                    (topic, count)
                }
            };
            let partition = murmur2::partition(&envelope.key, count).unwrap_or(0);
            let items = sorted.entry((topic, partition)).or_default();
            items.push(Item::new(envelope, now));
        }
        Ok(sorted)
    }

    async fn permit(&self, bytes: usize) -> Result<tokio::sync::OwnedSemaphorePermit, Failure> {
        // What is larger than the room waits until it is empty.
        let bytes = bytes.min(self.producing.waiting_bytes);
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let wait = Arc::clone(&self.room).acquire_many_owned(bytes);
        let wait = async { wait.await.map_err(|_| Failure::Client) };
        within(self.settings.deadline, wait).await
    }

    fn lane(&self, key: &Key) -> Arc<Lane> {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = lanes.get(key) {
            return Arc::clone(lane);
        }
        let lane = Arc::new(Lane::new(
            key,
            self.producing,
            self.settings.deadline,
            &self.client,
        ));
        lanes.insert(key.clone(), Arc::clone(&lane));
        lane
    }
}
