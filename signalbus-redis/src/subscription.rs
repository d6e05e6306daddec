use std::{collections::VecDeque, fmt, time::Duration};

use async_trait::async_trait;
use signalbus_core::bus::{Batch, BusError, BusErrorKind, Delivered, Lag, Place, Subscription};

use crate::{group::Group, reader::Reader, task::Every, trim};

/// How often what all groups have acknowledged is forgotten.
const TRIM: Duration = Duration::from_secs(5);

/// One consumer of a group.
pub(crate) struct RedisSubscription {
    group: Group,
    reader: Reader,
    waiting: VecDeque<Delivered>,
    trim: Every,
}

impl RedisSubscription {
    /// Reads block on a connection of their own.
    pub(crate) fn new(group: Group, abandoned_after: Duration) -> Self {
        let blocking = Group {
            connection: group.connection.another(),
            ..group.clone()
        };
        Self {
            reader: Reader::start(blocking, abandoned_after),
            group,
            waiting: VecDeque::new(),
            trim: Every::new(TRIM),
        }
    }
}

impl fmt::Debug for RedisSubscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisSubscription")
            .field("topic", &self.group.topic)
            .field("group", &self.group.group)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Subscription for RedisSubscription {
    async fn next(&mut self, limit: usize) -> Result<Batch, BusError> {
        if self.waiting.is_empty() {
            let handed = self.reader.next(limit).await.ok_or_else(ended)??;
            let delivered = handed.into_iter().map(|(entry, repeats)| Delivered {
                place: Place::Tag(entry.id.into()),
                envelope: entry.envelope,
                repeats,
            });
            self.waiting.extend(delivered);
        }
        let count = limit.min(self.waiting.len());
        Ok(self.waiting.drain(..count).collect::<Vec<_>>().into())
    }

    async fn ack(&mut self, places: Vec<Place>) -> Result<(), BusError> {
        let ids: Vec<&str> = places
            .iter()
            .filter_map(|place| match place {
                Place::Tag(id) => Some(&**id),
                Place::Offset(_) => None,
            })
            .collect();
        if ids.len() < places.len() {
            let problem = "the bus handed out no such envelope";
            return Err(BusError::new(BusErrorKind::Invalid, problem));
        }
        if !ids.is_empty() {
            self.group.ack(&ids).await?;
        }
        if self.trim.is_due() {
            // Only room is lost; the next one does it.
            if let Err(error) = trim::trim(&self.group.connection, &self.group.stream).await {
                tracing::debug!(%error, "a stream was not trimmed");
            }
        }
        Ok(())
    }

    async fn lag(&mut self) -> Result<Vec<Lag>, BusError> {
        Ok(vec![Lag {
            partition: None,
            behind: self.group.lag().await?,
        }])
    }
}

fn ended() -> BusError {
    BusError::new(BusErrorKind::Closed, "the task that reads has ended")
}
