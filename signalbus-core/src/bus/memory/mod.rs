//! The bus inside one process.

mod log;
mod partitions;
mod positioned;
mod queue;
mod queued;
mod reader;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::watch;

use self::{
    partitions::Partitions,
    positioned::Positioned,
    queue::{Member, Queue},
    queued::Queued,
};
use super::{Bus, BusError, BusErrorKind, BusKind, Envelope, Subscription};
use crate::clock::{Clock, SystemClock, Timestamp};

/// Carries envelopes inside one process, as a bus of either kind.
///
/// Topics come to be when they are first named. An envelope is kept until every group that ever
/// subscribed has acknowledged it; a topic nobody ever subscribed to keeps the newest 10,000 of
/// each partition. Clones are the same bus.
///
/// Offsets start at the time the bus was made, in microseconds: behind all that a durable store
/// remembers of the bus of an earlier process.
#[derive(Clone)]
pub struct MemoryBus {
    name: Arc<str>,
    kind: BusKind,
    max_payload: usize,
    shared: Arc<Shared>,
}

/// How many envelopes wait for the first group.
const KEPT_FOR_NOBODY: u64 = 10_000;

struct Shared {
    clock: Arc<dyn Clock>,
    first_offset: u64,
    state: Mutex<State>,
    /// Changes when there may be something new to read.
    news: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    closed: bool,
    logs: BTreeMap<String, Partitions>,
    queues: BTreeMap<String, Queue>,
    last_member: Member,
}

impl MemoryBus {
    /// How many partitions each topic has.
    pub const PARTITIONS: u32 = 8;

    /// A positioned bus with the name `memory`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(SystemClock::new())
    }

    /// The same with a clock of its own: for tests and simulation.
    #[must_use]
    pub fn with_clock(clock: impl Clock) -> Self {
        Self {
            name: Arc::from("memory"),
            kind: BusKind::Positioned,
            max_payload: usize::MAX,
            shared: Arc::new(Shared {
                first_offset: u64::try_from(clock.now().as_microsecond()).unwrap_or(0),
                clock: Arc::new(clock),
                state: Mutex::default(),
                news: watch::Sender::new(()),
            }),
        }
    }

    /// Makes it one that hands out envelopes and forgets what is acknowledged.
    #[must_use]
    pub fn acknowledged(mut self) -> Self {
        self.kind = BusKind::Acknowledged;
        self
    }

    /// Sets the name that positions are stored under.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
    }

    /// Sets how many bytes the payload of an envelope may have.
    #[must_use]
    pub fn with_max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }

    /// Forgets what stands before this offset in a partition of the positioned kind, whoever needs
    /// it: what the retention of a broker does.
    pub fn forget_before(&self, topic: &str, partition: u32, offset: u64) {
        if let Some(log) = self.shared.lock().logs.get_mut(topic) {
            log.drop_before(partition, offset);
        }
    }

    /// Ends it: from now on everything fails with [`BusErrorKind::Closed`], also a
    /// [`Subscription::next`] that is waiting.
    pub fn close(&self) {
        self.shared.lock().closed = true;
        self.shared.news.send_replace(());
    }
}

impl Default for MemoryBus {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for MemoryBus {
    /// Shows nothing of what it carries.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryBus")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Bus for MemoryBus {
    fn name(&self) -> &str {
        &self.name
    }

    fn kind(&self) -> BusKind {
        self.kind
    }

    fn max_payload(&self) -> usize {
        self.max_payload
    }

    async fn publish(&self, batch: Vec<Envelope>) -> Result<(), BusError> {
        let now = self.shared.clock.now();
        let mut state = self.shared.open()?;
        if batch
            .iter()
            .any(|envelope| envelope.payload.len() > self.max_payload)
        {
            let problem = format!("a payload has more than {} bytes", self.max_payload);
            return Err(BusError::new(BusErrorKind::Invalid, problem));
        }
        for envelope in batch {
            self.append(&mut state, now, envelope);
        }
        drop(state);
        self.shared.news.send_replace(());
        Ok(())
    }

    async fn partitions(&self, _: &str) -> Result<u32, BusError> {
        drop(self.shared.open()?);
        match self.kind {
            BusKind::Positioned => Ok(Self::PARTITIONS),
            BusKind::Acknowledged => {
                let problem = "an acknowledged bus has no partitions";
                Err(BusError::new(BusErrorKind::Invalid, problem))
            }
        }
    }

    async fn subscribe(&self, topic: &str, group: &str) -> Result<Box<dyn Subscription>, BusError> {
        let mut state = self.shared.open()?;
        Ok(match self.kind {
            BusKind::Positioned => {
                self.log(&mut state, topic).join(group);
                Box::new(Positioned::new(&self.shared, topic, group))
            }
            BusKind::Acknowledged => {
                self.queue(&mut state, topic).join(group);
                state.last_member += 1;
                Box::new(Queued::new(&self.shared, topic, group, state.last_member))
            }
        })
    }
}

impl MemoryBus {
    fn append(&self, state: &mut State, now: Timestamp, envelope: Envelope) {
        let topic = envelope.topic.clone();
        match self.kind {
            BusKind::Positioned => self.log(state, &topic).append(now, envelope),
            BusKind::Acknowledged => self.queue(state, &topic).append(now, envelope),
        }
    }

    fn log<'a>(&self, state: &'a mut State, topic: &str) -> &'a mut Partitions {
        let new = || Partitions::new(Self::PARTITIONS, self.shared.first_offset);
        state.logs.entry(topic.to_owned()).or_insert_with(new)
    }

    fn queue<'a>(&self, state: &'a mut State, topic: &str) -> &'a mut Queue {
        let new = || Queue::new(self.shared.first_offset);
        state.queues.entry(topic.to_owned()).or_insert_with(new)
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn open(&self) -> Result<MutexGuard<'_, State>, BusError> {
        let state = self.lock();
        if state.closed {
            return Err(BusError::new(BusErrorKind::Closed, "the bus was closed"));
        }
        Ok(state)
    }
}
