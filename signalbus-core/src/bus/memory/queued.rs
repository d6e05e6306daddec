use std::sync::Arc;

use async_trait::async_trait;

use super::{
    super::{Batch, BusError, BusErrorKind, Delivered, Lag, Place, Subscription},
    Shared,
    queue::Member,
    reader::Reader,
};

/// A member that is handed what nobody else has.
#[derive(Debug)]
pub(super) struct Queued {
    reader: Reader,
    member: Member,
}

impl Queued {
    pub(super) fn new(shared: &Arc<Shared>, topic: &str, group: &str, member: Member) -> Self {
        Self {
            reader: Reader::new(shared, topic, group),
            member,
        }
    }
}

#[async_trait]
impl Subscription for Queued {
    async fn next(&mut self, limit: usize) -> Result<Batch, BusError> {
        let (topic, group) = (self.reader.topic.clone(), self.reader.group.clone());
        let member = self.member;
        self.reader
            .wait(|state| {
                let mut batch = Batch::default();
                let Some(queue) = state.queues.get_mut(&topic) else {
                    return batch;
                };
                while batch.delivered.len() < limit
                    && let Some((at, envelope, repeats)) = queue.read(&group, member)
                {
                    batch.delivered.push(Delivered {
                        place: Place::Tag(at.to_string().into()),
                        envelope,
                        repeats,
                    });
                }
                batch
            })
            .await
    }

    async fn ack(&mut self, places: Vec<Place>) -> Result<(), BusError> {
        let mut state = self.reader.shared.open()?;
        for place in places {
            let tag = match &place {
                Place::Tag(tag) => tag.parse().ok(),
                Place::Offset(_) => None,
            };
            let (Some(tag), Some(queue)) = (tag, state.queues.get_mut(&self.reader.topic)) else {
                let problem = "the bus handed out no such envelope";
                return Err(BusError::new(BusErrorKind::Invalid, problem));
            };
            queue.ack(&self.reader.group, tag);
        }
        Ok(())
    }

    async fn lag(&mut self) -> Result<Vec<Lag>, BusError> {
        let state = self.reader.shared.open()?;
        let queue = state.queues.get(&self.reader.topic);
        Ok(vec![Lag {
            partition: None,
            behind: queue.map_or(0, |queue| queue.behind(&self.reader.group)),
        }])
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let mut state = self.reader.shared.lock();
        if let Some(queue) = state.queues.get_mut(&self.reader.topic) {
            queue.leave(&self.reader.group, self.member);
        }
        drop(state);
        self.reader.shared.news.send_replace(());
    }
}
