use std::collections::VecDeque;

use async_trait::async_trait;
use signalbus_core::bus::{Batch, BusError, BusErrorKind, Delivered, Lag, Place, Subscription};

use super::{
    deliver::Group,
    reader::{Open, Reader},
};

/// One consumer of a group.
#[derive(Debug)]
pub(super) struct TableSubscription {
    group: Group,
    reader: Reader,
    open: Open,
    waiting: VecDeque<Delivered>,
}

impl TableSubscription {
    pub(super) fn new(group: Group) -> Self {
        let open = Open::default();
        Self {
            reader: Reader::start(group.clone(), open.clone()),
            group,
            open,
            waiting: VecDeque::new(),
        }
    }
}

#[async_trait]
impl Subscription for TableSubscription {
    async fn next(&mut self, limit: usize) -> Result<Batch, BusError> {
        if self.waiting.is_empty() {
            let handed = self.reader.next(limit).await.ok_or_else(ended)??;
            let delivered = handed.into_iter().map(|one| Delivered {
                place: Place::Tag(one.id.to_string().into()),
                envelope: one.envelope,
                repeats: one.repeats,
            });
            self.waiting.extend(delivered);
        }
        let count = limit.min(self.waiting.len());
        Ok(self.waiting.drain(..count).collect::<Vec<_>>().into())
    }

    async fn ack(&mut self, places: Vec<Place>) -> Result<(), BusError> {
        let ids: Option<Vec<i64>> = places
            .iter()
            .map(|place| match place {
                Place::Tag(id) => id.parse().ok(),
                Place::Offset(_) => None,
            })
            .collect();
        let Some(ids) = ids else {
            let problem = "the bus handed out no such envelope";
            return Err(BusError::new(BusErrorKind::Invalid, problem));
        };
        if ids.is_empty() {
            return Ok(());
        }
        self.group.ack(ids.clone()).await?;
        self.open.remove(&ids);
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
