use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use signalbus_core::bus::TroubleKind;
use tokio::sync::Notify;

use super::{
    Chunk,
    fetch::{Fetched, Wanted, fetch},
    header,
};
use crate::{
    error::Failure,
    task::{Pauses, Running, pause, start},
    wire::{At, Cluster, Connection, Offsets},
};

/// A partition that is read ahead of whoever wants it, by a chunk: a task fetches the next one and
/// waits until this one is taken.
#[derive(Debug)]
pub(crate) struct Reading {
    slot: Arc<Slot>,
    _task: Running,
}

/// What a fetch brought.
#[derive(Debug)]
pub(crate) enum News {
    /// Batches.
    Chunk(Chunk),
    /// It cannot be read on; the task has ended.
    Trouble(u64, TroubleKind),
    /// It could not be read for a while; it is tried again.
    Failed(Failure),
}

/// Where the task leaves what it fetched.
#[derive(Debug)]
struct Slot {
    news: Mutex<Option<News>>,
    taken: Notify,
    /// Wakes the subscription, which waits for all its partitions.
    came: Arc<Notify>,
}

/// What a task needs.
pub(crate) struct Source {
    pub(crate) cluster: Arc<Cluster>,
    pub(crate) offsets: Arc<Offsets>,
    pub(crate) topic: Arc<str>,
    pub(crate) partition: u32,
    pub(crate) fetch_bytes: i32,
    pub(crate) came: Arc<Notify>,
}

impl Reading {
    /// Reads from this offset on, until it is dropped.
    pub(crate) fn start(source: Source, from: u64) -> Self {
        let slot = Arc::new(Slot {
            news: Mutex::new(None),
            taken: Notify::new(),
            came: Arc::clone(&source.came),
        });
        let task = Task {
            source,
            slot: Arc::clone(&slot),
            connection: None,
            next: from,
        };
        Self {
            slot,
            _task: start(task.run()),
        }
    }

    /// What came, if anything did.
    pub(crate) fn take(&self) -> Option<News> {
        let news = self.slot.lock().take();
        if news.is_some() {
            self.slot.taken.notify_one();
        }
        news
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Option<News>> {
        self.news.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until what was put here is taken, and puts this.
    async fn put(&self, news: News) {
        while self.lock().is_some() {
            self.taken.notified().await;
        }
        *self.lock() = Some(news);
        self.came.notify_one();
    }

    /// Tells of a failure, unless something is here already.
    fn tell(&self, failure: Failure) {
        let mut news = self.lock();
        if news.is_none() {
            *news = Some(News::Failed(failure));
            drop(news);
            self.came.notify_one();
        }
    }
}

struct Task {
    source: Source,
    slot: Arc<Slot>,
    connection: Option<Connection>,
    next: u64,
}

impl Task {
    async fn run(mut self) {
        let mut pauses = Pauses::new();
        loop {
            match self.step().await {
                Ok(Some((at, kind))) => {
                    self.slot.put(News::Trouble(at, kind)).await;
                    return;
                }
                Ok(None) => pauses.reset(),
                Err(failure) => {
                    self.connection = None;
                    tracing::debug!(partition = self.source.partition, %failure, "fetching failed");
                    self.slot.tell(failure);
                    pauses.wait().await;
                }
            }
        }
    }

    /// Fetches once; answers why nothing more can come.
    async fn step(&mut self) -> Result<Option<(u64, TroubleKind)>, Failure> {
        let deadline = self.source.cluster.settings().deadline;
        // Taken out while it is asked: of no use when that fails.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.connect().await?,
        };
        let wanted = Wanted {
            topic: &self.source.topic,
            partition: self.source.partition,
            offset: self.next,
            bytes: self.source.fetch_bytes,
        };
        let (fetched, throttle) = fetch(&mut connection, &wanted, deadline).await?;
        self.connection = Some(connection);
        match fetched {
            Fetched::OutOfRange => self.gone().await.map(Some),
            Fetched::Bytes(bytes, aborted) => {
                if let Some(behind) = header::behind(&bytes) {
                    let chunk = Chunk::new(self.next, bytes, aborted);
                    self.next = behind.max(self.next);
                    self.slot.put(News::Chunk(chunk)).await;
                } else if !bytes.is_empty() {
                    return Err(Failure::Answer("it has no whole batch"));
                }
                if !throttle.is_zero() {
                    pause(throttle).await;
                }
                Ok(None)
            }
        }
    }

    async fn connect(&self) -> Result<Connection, Failure> {
        let leaders = self.source.cluster.leaders(&self.source.topic).await?;
        let place = usize::try_from(self.source.partition).ok();
        let leader = place.and_then(|place| leaders.into_iter().nth(place));
        let leader = leader.ok_or(Failure::Missing)?.ok_or(Failure::Leaderless)?;
        Connection::open(self.source.cluster.settings(), &leader).await
    }

    /// What there is in place of an offset that is not there.
    async fn gone(&self) -> Result<(u64, TroubleKind), Failure> {
        let partition = self.source.partition;
        let find = async |at| {
            let found = self.source.offsets.list(&[(partition, at)]).await?;
            found.get(&partition).copied().ok_or(Failure::Missing)
        };
        let earliest = find(At::Earliest).await?;
        let latest = find(At::Latest).await?;
        if (earliest..=latest).contains(&self.next) {
            // It came to be meanwhile.
            return Err(Failure::Leaderless);
        }
        Ok((self.next, TroubleKind::Gone { earliest, latest }))
    }
}
