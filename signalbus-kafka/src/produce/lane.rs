use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use rskafka::client::partition::{Compression as Codec, PartitionClient};
use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedSemaphorePermit, oneshot};

use super::{
    Key,
    item::Item,
    waiting::{Answer, Job, Waiting},
};
use crate::{
    client::Client,
    config::{Compression, Producing},
    error::Failure,
    task::{detached, within},
};

/// The way to one partition. A task sends while anything waits, one batch at a time, so that the
/// order is kept; what comes meanwhile goes together in the next.
#[derive(Debug)]
pub(super) struct Lane {
    topic: Arc<str>,
    partition: u32,
    producing: Producing,
    deadline: Duration,
    client: Arc<Client>,
    waiting: Mutex<Waiting>,
    /// Somebody waits, and a batch is full.
    full: Notify,
    /// The connection, kept between batches.
    connected: AsyncMutex<Option<PartitionClient>>,
}

impl Lane {
    pub(super) fn new(
        key: &Key,
        producing: Producing,
        deadline: Duration,
        client: &Arc<Client>,
    ) -> Self {
        Self {
            topic: Arc::clone(&key.0),
            partition: key.1,
            producing,
            deadline,
            client: Arc::clone(client),
            waiting: Mutex::default(),
            full: Notify::new(),
            connected: AsyncMutex::default(),
        }
    }

    /// Puts items behind those that wait.
    pub(super) fn push(
        self: &Arc<Self>,
        items: Vec<Item>,
        bytes: usize,
        room: OwnedSemaphorePermit,
    ) -> oneshot::Receiver<Answer> {
        let (done, answer) = oneshot::channel();
        let mut waiting = self.lock();
        waiting.push(Job {
            items,
            bytes,
            done,
            _room: room,
        });
        if waiting.bytes >= self.producing.batch_bytes {
            self.full.notify_one();
        }
        if !waiting.tended {
            waiting.tended = true;
            detached(Arc::clone(self).run());
        }
        answer
    }

    async fn run(self: Arc<Self>) {
        loop {
            if !self.producing.linger.is_zero() {
                self.linger().await;
            }
            let jobs = {
                let mut waiting = self.lock();
                let jobs = waiting.take(self.producing.batch_bytes);
                if jobs.is_empty() {
                    waiting.tended = false;
                    return;
                }
                jobs
            };
            self.send(jobs).await;
        }
    }

    /// Gives others the time to come along.
    async fn linger(&self) {
        let waits = {
            let waiting = self.lock();
            waiting.bytes > 0 && waiting.bytes < self.producing.batch_bytes
        };
        if waits {
            let full = async {
                self.full.notified().await;
                Ok::<_, Failure>(())
            };
            // Either is a reason to go.
            let _ = within(self.producing.linger, full).await;
        }
    }

    async fn send(&self, jobs: Vec<Job>) {
        let items: Vec<&Item> = jobs.iter().flat_map(|job| &job.items).collect();
        let mut sent = 0;
        let failure = loop {
            let Some(rest) = items.get(sent..).filter(|rest| !rest.is_empty()) else {
                break None;
            };
            let batch = &rest[..self.fitting(rest)];
            match self.send_parted(batch, &mut sent).await {
                Ok(()) => {}
                Err(failure) => break Some(Arc::new(failure)),
            }
        };
        drop(items);
        let mut answered = 0;
        for job in jobs {
            answered += job.items.len();
            let answer = match &failure {
                Some(failure) if answered > sent => Err(Arc::clone(failure)),
                _ => Ok(()),
            };
            // Nobody may wait for it any more.
            let _ = job.done.send(answer);
        }
        if let Some(failure) = failure
            && failure.is_everybodys()
        {
            // It would go the same way with those behind, one deadline after the other.
            let behind = self.lock().drain();
            for job in behind {
                let _ = job.done.send(Err(Arc::clone(&failure)));
            }
        }
    }

    /// How many of the first fit into a batch; at least one.
    fn fitting(&self, items: &[&Item]) -> usize {
        let mut bytes = 0;
        let fitting = items.iter().take_while(|item| {
            bytes += item.bytes();
            bytes <= self.producing.batch_bytes
        });
        fitting.count().max(1)
    }

    /// Sends a batch, in parts where the topic takes only smaller ones, and counts what is sent.
    async fn send_parted(&self, batch: &[&Item], sent: &mut usize) -> Result<(), Failure> {
        let mut parts = vec![batch];
        while let Some(part) = parts.pop() {
            match self.send_once(part).await {
                Ok(()) => *sent += part.len(),
                Err(Failure::TooLarge) if part.len() > 1 => {
                    let (first, second) = part.split_at(part.len() / 2);
                    parts.extend([second, first]);
                }
                Err(failure) => return Err(failure),
            }
        }
        Ok(())
    }

    async fn send_once(&self, items: &[&Item]) -> Result<(), Failure> {
        let mut connected = self.connected.lock().await;
        // Taken out while it is used: of no use when that fails.
        let client = match connected.take() {
            Some(client) => client,
            None => self.client.partition(&self.topic, self.partition).await?,
        };
        let records = items.iter().map(|item| item.record()).collect();
        let produce = client.produce(records, codec(self.producing.compression));
        match within(self.deadline, produce).await {
            Ok(_) => {}
            Err(failure) if failure.is_everybodys() => {
                self.client.forget().await;
                return Err(failure);
            }
            Err(failure) => {
                *connected = Some(client);
                return Err(failure);
            }
        }
        *connected = Some(client);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn codec(compression: Compression) -> Codec {
    match compression {
        Compression::None => Codec::NoCompression,
        #[cfg(feature = "gzip")]
        Compression::Gzip => Codec::Gzip,
        #[cfg(feature = "lz4")]
        Compression::Lz4 => Codec::Lz4,
        #[cfg(feature = "snappy")]
        Compression::Snappy => Codec::Snappy,
        #[cfg(feature = "zstd")]
        Compression::Zstd => Codec::Zstd,
    }
}
