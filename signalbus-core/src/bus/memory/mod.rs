//! The bus inside one process.

#[cfg(test)]
mod tests;
mod topic;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use tokio::sync::watch;

use self::topic::{Member, Topic};
use super::{Bus, BusError, BusErrorKind, Delivered, Envelope, Offset, Subscription};
use crate::clock::{Clock, SystemClock};

/// Carries envelopes inside one process.
///
/// Topics come to be when they are first named. An envelope is kept until every group that ever
/// subscribed has acknowledged it; a new group starts with the oldest that is kept. Clones are
/// the same bus.
///
/// Offsets start at the time the bus was made, in microseconds: behind all that a durable store
/// remembers of the bus of an earlier process.
#[derive(Clone)]
pub struct MemoryBus {
    name: Arc<str>,
    shared: Arc<Shared>,
}

struct Shared {
    first_offset: u64,
    state: Mutex<State>,
    /// Changes when there may be something new to read.
    news: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    closed: bool,
    topics: BTreeMap<String, Topic>,
    last_member: Member,
}

impl MemoryBus {
    /// How many partitions each topic has.
    pub const PARTITIONS: u32 = 8;

    /// A bus with the name `memory`.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(&SystemClock::new())
    }

    /// The same, made at the time this clock shows: for tests and simulation.
    #[must_use]
    pub fn with_clock(clock: &dyn Clock) -> Self {
        Self {
            name: Arc::from("memory"),
            shared: Arc::new(Shared {
                first_offset: u64::try_from(clock.now().as_microsecond()).unwrap_or(0),
                state: Mutex::default(),
                news: watch::Sender::new(()),
            }),
        }
    }

    /// Sets the name that positions are stored under.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
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
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Bus for MemoryBus {
    fn name(&self) -> &str {
        &self.name
    }

    async fn publish(&self, batch: Vec<Envelope>) -> Result<(), BusError> {
        let mut state = self.shared.open()?;
        for envelope in batch {
            let topic = self.shared.topic(&mut state, &envelope.topic);
            topic.append(envelope);
        }
        drop(state);
        self.shared.news.send_replace(());
        Ok(())
    }

    async fn subscribe(
        &self,
        topics: &[String],
        group: &str,
    ) -> Result<Box<dyn Subscription>, BusError> {
        if topics.is_empty() {
            return Err(BusError::new(
                BusErrorKind::Invalid,
                "a subscription must name at least one topic",
            ));
        }
        let mut topics = topics.to_vec();
        topics.sort_unstable();
        topics.dedup();
        let mut state = self.shared.open()?;
        state.last_member += 1;
        let member = state.last_member;
        for name in &topics {
            self.shared.topic(&mut state, name).join(group, member);
        }
        drop(state);
        // Members that were there before may have got other partitions.
        self.shared.news.send_replace(());
        Ok(Box::new(MemorySubscription {
            shared: Arc::clone(&self.shared),
            news: self.shared.news.subscribe(),
            topics,
            group: group.to_owned(),
            member,
            turn: 0,
        }))
    }
}

struct MemorySubscription {
    shared: Arc<Shared>,
    news: watch::Receiver<()>,
    topics: Vec<String>,
    group: String,
    member: Member,
    /// The place to start reading at, so that a busy partition does not starve the others.
    turn: usize,
}

impl fmt::Debug for MemorySubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemorySubscription")
            .field("topics", &self.topics)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Subscription for MemorySubscription {
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>, BusError> {
        loop {
            self.news.mark_unchanged();
            let batch = self.read(limit)?;
            if !batch.is_empty() || limit == 0 {
                return Ok(batch);
            }
            // The sender is alive: `shared` has it.
            let _ = self.news.changed().await;
        }
    }

    async fn ack(&mut self, positions: Vec<Offset>) -> Result<(), BusError> {
        let mut state = self.shared.open()?;
        for Offset {
            topic,
            partition,
            next,
        } in positions
        {
            state
                .topics
                .get_mut(&topic)
                .and_then(|topic| topic.ack(&self.group, partition, next))
                .ok_or_else(no_such_partition)?;
        }
        Ok(())
    }

    async fn seek(&mut self, position: Offset) -> Result<(), BusError> {
        self.shared
            .open()?
            .topics
            .get_mut(&position.topic)
            .and_then(|topic| {
                topic.seek(&self.group, self.member, position.partition, position.next)
            })
            .ok_or_else(|| {
                BusError::new(
                    BusErrorKind::Invalid,
                    "this bus has no such place: if the store remembers it from an earlier \
                     process, the clock went back since; give the bus another name",
                )
            })
    }
}

impl MemorySubscription {
    fn read(&mut self, limit: usize) -> Result<Vec<Delivered>, BusError> {
        let mut state = self.shared.open()?;
        let mut places: Vec<(&String, u32)> = self
            .topics
            .iter()
            .flat_map(|topic| (0..MemoryBus::PARTITIONS).map(move |partition| (topic, partition)))
            .collect();
        self.turn = (self.turn + 1) % places.len().max(1);
        places.rotate_left(self.turn);
        let mut batch = Vec::new();
        for (name, partition) in places {
            let Some(topic) = state.topics.get_mut(name) else {
                continue;
            };
            while batch.len() < limit
                && let Some((envelope, next)) = topic.read(&self.group, self.member, partition)
            {
                batch.push(Delivered {
                    next: Offset {
                        topic: name.clone(),
                        partition,
                        next,
                    },
                    envelope,
                });
            }
        }
        Ok(batch)
    }
}

impl Drop for MemorySubscription {
    /// Leaves the group: others of it get what was not acknowledged.
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        for name in &self.topics {
            if let Some(topic) = state.topics.get_mut(name) {
                topic.leave(&self.group, self.member);
            }
        }
        drop(state);
        self.shared.news.send_replace(());
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

    fn topic<'a>(&self, state: &'a mut State, name: &str) -> &'a mut Topic {
        state
            .topics
            .entry(name.to_owned())
            .or_insert_with(|| Topic::new(MemoryBus::PARTITIONS, self.first_offset))
    }
}

fn no_such_partition() -> BusError {
    BusError::new(
        BusErrorKind::Invalid,
        "the bus has no such topic or partition",
    )
}
