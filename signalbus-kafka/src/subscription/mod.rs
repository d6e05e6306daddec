//! Reading a topic.

mod held;

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use signalbus_core::bus::{
    Batch, BusError, BusErrorKind, Lag, Offset, Partition, Place, Start, Subscription,
};
use tokio::sync::Notify;

use self::held::Held;
use crate::{
    commit::Mirror,
    error::Failure,
    lag::Behind,
    metrics,
    progress::Progress,
    read::{Reading, Source},
    wire::{At, Cluster, Offsets},
};

/// A member of a group that reads the partitions it is assigned. Each is fetched by a task and on a
/// connection of its own, ahead of whoever wants it by no more than two fetches.
pub(crate) struct KafkaSubscription {
    cluster: Arc<Cluster>,
    behind: Behind,
    fetch_bytes: i32,
    held: BTreeMap<u32, Held>,
    /// The place to begin with, so that a busy partition does not starve the others.
    turn: usize,
    came: Arc<Notify>,
    _mirror: Option<Mirror>,
}

impl KafkaSubscription {
    pub(crate) fn new(
        cluster: &Arc<Cluster>,
        config: &crate::KafkaConfig,
        topic: &str,
        group: &str,
    ) -> Self {
        metrics::describe();
        let topic: Arc<str> = Arc::from(topic);
        let behind = Behind {
            group: Arc::from(group),
            offsets: Arc::new(Offsets::new(cluster, &topic)),
            topic,
            progress: Progress::default(),
        };
        let mirror = |every| Mirror::start(cluster, behind.clone(), every);
        Self {
            _mirror: config.mirror.map(mirror),
            cluster: Arc::clone(cluster),
            behind,
            fetch_bytes: config.fetch_bytes,
            held: BTreeMap::new(),
            turn: 0,
            came: Arc::default(),
        }
    }

    /// Where those begin that are not read yet.
    async fn starts(&self, partitions: &[Partition]) -> Result<Vec<Offset>, Failure> {
        let new = partitions
            .iter()
            .filter(|partition| !self.held.contains_key(&partition.partition));
        let (mut known, mut asked) = (Vec::new(), Vec::new());
        for Partition { partition, start } in new {
            let at = match start {
                Start::Offset(next) => {
                    known.push(Offset {
                        partition: *partition,
                        next: *next,
                    });
                    continue;
                }
                Start::Earliest => At::Earliest,
                Start::At(time) => At::Time(time.as_millisecond()),
                // The careful one of what may come later.
                Start::Latest => At::Latest,
                _ => At::Earliest,
            };
            asked.push((*partition, at));
        }
        let found = self.behind.offsets.list(&asked).await?;
        for (partition, _) in asked {
            let next = *found.get(&partition).ok_or(Failure::Missing)?;
            known.push(Offset { partition, next });
        }
        Ok(known)
    }

    fn drop_partition(&mut self, partition: u32) {
        self.held.remove(&partition);
        self.behind.progress.end(partition);
        metrics::lag(&self.behind.group, &self.behind.topic, partition, 0);
    }

    fn hold(&mut self, Offset { partition, next }: Offset) {
        let source = Source {
            cluster: Arc::clone(&self.cluster),
            offsets: Arc::clone(&self.behind.offsets),
            topic: Arc::clone(&self.behind.topic),
            partition,
            fetch_bytes: self.fetch_bytes,
            came: Arc::clone(&self.came),
        };
        self.behind.progress.begin(partition, next);
        let reading = Reading::start(source, next);
        self.held.insert(partition, Held::new(partition, reading));
    }

    /// What is there, without waiting.
    fn drain(&mut self, limit: usize) -> (Batch, Option<Failure>) {
        let mut batch = Batch::default();
        let mut failed = None;
        let mut partitions: Vec<u32> = self.held.keys().copied().collect();
        self.turn = (self.turn + 1) % partitions.len().max(1);
        partitions.rotate_left(self.turn);
        for partition in partitions {
            let Some(held) = self.held.get_mut(&partition) else {
                continue;
            };
            let rest = limit.saturating_sub(batch.delivered.len());
            if rest > 0 {
                let failure = held.read(rest, &self.behind, &mut batch);
                failed = failure.or(failed);
            }
        }
        (batch, failed)
    }

    fn doing(&self, what: &str) -> String {
        format!("{what} the topic `{}`", self.behind.topic)
    }
}

#[async_trait]
impl Subscription for KafkaSubscription {
    async fn assign(&mut self, partitions: Vec<Partition>) -> Result<Vec<Offset>, BusError> {
        let gone: Vec<u32> = self
            .held
            .keys()
            .filter(|held| !partitions.iter().any(|wanted| wanted.partition == **held))
            .copied()
            .collect();
        if !gone.is_empty() {
            metrics::rebalanced(&self.behind.group, "revoked");
        }
        for partition in gone {
            self.drop_partition(partition);
        }
        let starts = self.starts(&partitions).await;
        let starts =
            starts.map_err(|failure| failure.at(&self.doing("assigning partitions of")))?;
        if !starts.is_empty() {
            metrics::rebalanced(&self.behind.group, "assigned");
        }
        for start in &starts {
            self.hold(*start);
        }
        Ok(starts)
    }

    async fn next(&mut self, limit: usize) -> Result<Batch, BusError> {
        loop {
            let (batch, failed) = self.drain(limit);
            if !batch.delivered.is_empty() || !batch.troubles.is_empty() {
                return Ok(batch);
            }
            if let Some(failure) = failed {
                return Err(failure.at(&self.doing("reading")));
            }
            self.came.notified().await;
        }
    }

    async fn ack(&mut self, places: Vec<Place>) -> Result<(), BusError> {
        for place in places {
            let Place::Offset(Offset { partition, next }) = place else {
                let problem = "a positioned bus is acknowledged by offsets";
                return Err(BusError::new(BusErrorKind::Invalid, problem));
            };
            self.behind.progress.stored(partition, next);
        }
        Ok(())
    }

    fn stored_in(&mut self, took: Duration) {
        metrics::committed(&self.behind.group, "store", took);
    }

    async fn lag(&mut self) -> Result<Vec<Lag>, BusError> {
        let behind = self.behind.measure().await;
        let behind =
            behind.map_err(|failure| failure.at(&self.doing("asking how much waits of")))?;
        let lag = behind.into_iter().map(|(partition, behind)| Lag {
            partition: Some(partition),
            behind,
        });
        Ok(lag.collect())
    }
}

impl fmt::Debug for KafkaSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KafkaSubscription")
            .field("topic", &self.behind.topic)
            .field("group", &self.behind.group)
            .field("partitions", &self.held.keys())
            .finish_non_exhaustive()
    }
}
