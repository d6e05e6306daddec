use std::vec;

use bytes::Bytes;
use kafka_protocol::records::Record;
use signalbus_core::bus::{Batch, Delivered, Envelope, Offset, Place, Trouble, TroubleKind};

use crate::{
    error::Failure,
    lag::Behind,
    read::{Chunk, News, Reading},
};

/// A partition that is assigned.
#[derive(Debug)]
pub(super) struct Held {
    partition: u32,
    /// None when it cannot be read on.
    reading: Option<Reading>,
    chunk: Option<Chunk>,
    records: vec::IntoIter<Record>,
}

impl Held {
    pub(super) fn new(partition: u32, reading: Reading) -> Self {
        Self {
            partition,
            reading: Some(reading),
            chunk: None,
            records: Vec::new().into_iter(),
        }
    }

    /// Adds at most `limit` envelopes to the batch, or what is the trouble; answers why nothing came
    /// lately.
    pub(super) fn read(
        &mut self,
        limit: usize,
        behind: &Behind,
        batch: &mut Batch,
    ) -> Option<Failure> {
        let most = batch.delivered.len() + limit;
        let mut failed = None;
        loop {
            self.deliver(most, behind, batch);
            if batch.delivered.len() >= most {
                return None;
            }
            match self.decode(behind) {
                Ok(true) => continue,
                Ok(false) => {}
                Err((at, kind)) => {
                    self.stop(at, kind, batch);
                    return None;
                }
            }
            match self.reading.as_ref().and_then(Reading::take) {
                None => return failed,
                Some(News::Chunk(chunk)) => self.chunk = Some(chunk),
                Some(News::Failed(failure)) => failed = Some(failure),
                Some(News::Trouble(at, kind)) => {
                    self.stop(at, kind, batch);
                    return None;
                }
            }
        }
    }

    fn deliver(&mut self, most: usize, behind: &Behind, batch: &mut Batch) {
        let before = batch.delivered.len();
        let mut next = 0;
        while batch.delivered.len() < most
            && let Some(record) = self.records.next()
        {
            next = u64::try_from(record.offset.saturating_add(1)).unwrap_or(0);
            let place = Place::Offset(Offset {
                partition: self.partition,
                next,
            });
            let envelope = envelope(&behind.topic, record);
            batch.delivered.push(Delivered::new(place, envelope));
        }
        if batch.delivered.len() > before {
            behind.progress.returned(self.partition, next);
        }
    }

    /// Decodes the next batch of records; false when there is none.
    fn decode(&mut self, behind: &Behind) -> Result<bool, (u64, TroubleKind)> {
        let Some(chunk) = &mut self.chunk else {
            return Ok(false);
        };
        match chunk.read() {
            Ok(Some(records)) => {
                self.records = records.into_iter();
                Ok(true)
            }
            Ok(None) => {
                behind.progress.read(self.partition, chunk.next());
                self.chunk = None;
                Ok(false)
            }
            Err(unreadable) => Err((unreadable.at, TroubleKind::Unreadable(unreadable.why))),
        }
    }

    fn stop(&mut self, at: u64, kind: TroubleKind, batch: &mut Batch) {
        self.reading = None;
        self.chunk = None;
        batch.troubles.push(Trouble {
            partition: self.partition,
            at,
            kind,
        });
    }
}

/// Copied out of what was fetched, so that one envelope does not keep all of it in memory.
fn envelope(topic: &str, record: Record) -> Envelope {
    let headers = record.headers.into_iter();
    let headers =
        headers.map(|(name, value)| (name.to_string(), value.unwrap_or_default().to_vec()));
    let payload = record.value.unwrap_or_default();
    Envelope {
        topic: topic.to_owned(),
        key: record.key.map(|key| key.to_vec()).unwrap_or_default(),
        headers: headers.collect(),
        payload: Bytes::copy_from_slice(&payload),
    }
}
