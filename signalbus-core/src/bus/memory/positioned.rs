use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;

use super::{
    super::{
        Batch, BusError, BusErrorKind, Delivered, Lag, Offset, Partition, Place, Subscription,
        Trouble, TroubleKind,
    },
    Shared, State,
    reader::Reader,
};

/// A member that reads the partitions it was assigned.
#[derive(Debug)]
pub(super) struct Positioned {
    reader: Reader,
    reading: Reading,
}

/// Where each assigned partition is read next.
#[derive(Debug, Default)]
struct Reading {
    /// None for one that cannot be read on.
    next: BTreeMap<u32, Option<u64>>,
    /// The place to start reading at, so that a busy partition does not starve the others.
    turn: usize,
}

impl Positioned {
    pub(super) fn new(shared: &Arc<Shared>, topic: &str, group: &str) -> Self {
        Self {
            reader: Reader::new(shared, topic, group),
            reading: Reading::default(),
        }
    }
}

impl Reading {
    fn read(&mut self, state: &mut State, topic: &str, limit: usize) -> Batch {
        let mut batch = Batch::default();
        let Some(logs) = state.logs.get(topic) else {
            return batch;
        };
        let mut partitions: Vec<u32> = self.next.keys().copied().collect();
        self.turn = (self.turn + 1) % partitions.len().max(1);
        partitions.rotate_left(self.turn);
        for partition in partitions {
            let (Some(log), Some(next)) = (logs.log(partition), self.next.get_mut(&partition))
            else {
                continue;
            };
            while let Some(at) = *next
                && batch.delivered.len() < limit
            {
                if at < log.first() || at > log.end() {
                    *next = None;
                    let kind = TroubleKind::Gone {
                        earliest: log.first(),
                        latest: log.end(),
                    };
                    batch.troubles.push(Trouble {
                        partition,
                        at,
                        kind,
                    });
                    break;
                }
                let Some(envelope) = log.get(at) else {
                    break;
                };
                let behind = Offset {
                    partition,
                    next: at + 1,
                };
                let place = Place::Offset(behind);
                batch
                    .delivered
                    .push(Delivered::new(place, envelope.clone()));
                *next = Some(at + 1);
            }
        }
        batch
    }
}

#[async_trait]
impl Subscription for Positioned {
    async fn assign(&mut self, partitions: Vec<Partition>) -> Result<Vec<Offset>, BusError> {
        let state = self.reader.shared.open()?;
        let logs = state.logs.get(&self.reader.topic);
        let mut assigned = BTreeMap::new();
        let mut started = Vec::new();
        for Partition { partition, start } in partitions {
            let next = match self.reading.next.get(&partition) {
                Some(next) => *next,
                None => {
                    let next = logs
                        .and_then(|logs| logs.start(partition, start))
                        .ok_or_else(no_such_partition)?;
                    started.push(Offset { partition, next });
                    Some(next)
                }
            };
            assigned.insert(partition, next);
        }
        self.reading.next = assigned;
        Ok(started)
    }

    async fn next(&mut self, limit: usize) -> Result<Batch, BusError> {
        let topic = self.reader.topic.clone();
        let reading = &mut self.reading;
        self.reader
            .wait(|state| reading.read(state, &topic, limit))
            .await
    }

    async fn ack(&mut self, places: Vec<Place>) -> Result<(), BusError> {
        let mut state = self.reader.shared.open()?;
        for place in places {
            let Place::Offset(Offset { partition, next }) = place else {
                return Err(no_such_partition());
            };
            state
                .logs
                .get_mut(&self.reader.topic)
                .and_then(|logs| logs.ack(&self.reader.group, partition, next))
                .ok_or_else(no_such_partition)?;
        }
        Ok(())
    }

    async fn lag(&mut self) -> Result<Vec<Lag>, BusError> {
        let state = self.reader.shared.open()?;
        let logs = state.logs.get(&self.reader.topic);
        let behind = |partition| logs.and_then(|logs| logs.behind(&self.reader.group, partition));
        let partitions = self.reading.next.keys();
        Ok(partitions
            .map(|partition| Lag {
                partition: Some(*partition),
                behind: behind(*partition).unwrap_or(0),
            })
            .collect())
    }
}

fn no_such_partition() -> BusError {
    BusError::new(
        BusErrorKind::Invalid,
        "the bus has no such topic or partition",
    )
}
