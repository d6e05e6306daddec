use bytes::Bytes;
use kafka_protocol::records::{Record, RecordBatchDecoder};

use super::{aborted::Aborted, header::Header};

/// Whole batches of one partition as they were fetched, read one batch at a time: what is
/// compressed stays so until it is wanted.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// The next offset that is wanted.
    next: u64,
    rest: Bytes,
    aborted: Aborted,
}

/// Why a batch will never be read.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unreadable {
    /// The offset that should have been read.
    pub(crate) at: u64,
    /// Why, and what can be done.
    pub(crate) why: String,
}

impl Chunk {
    /// What was fetched from the offset `next` on. It may begin with records before it, and may end
    /// in the middle of a batch.
    pub(crate) fn new(next: u64, bytes: Bytes, aborted: Vec<(i64, i64)>) -> Self {
        Self {
            next,
            rest: bytes,
            aborted: Aborted::new(aborted),
        }
    }

    /// The offset behind all that was read so far.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The records of the next batch that has any for us; none at the end.
    pub(crate) fn read(&mut self) -> Result<Option<Vec<Record>>, Unreadable> {
        while let Some(header) = Header::read(&self.rest) {
            let mut batch = self.rest.split_to(header.size);
            let behind = header.last.saturating_add(1);
            let behind = u64::try_from(behind).unwrap_or(0).max(self.next);
            let wanted = i64::try_from(self.next).unwrap_or(i64::MAX);
            let left_out = self.aborted.covers(&header);
            if header.control {
                if self.decode(&header, &mut batch)?.iter().any(is_abort) {
                    self.aborted.ended(header.producer);
                }
            } else if !left_out && header.last >= wanted {
                let mut records = self.decode(&header, &mut batch)?;
                records.retain(|record| record.offset >= wanted);
                self.next = behind;
                if !records.is_empty() {
                    return Ok(Some(records));
                }
            }
            self.next = behind;
        }
        Ok(None)
    }

    fn decode(&self, header: &Header, batch: &mut Bytes) -> Result<Vec<Record>, Unreadable> {
        let unreadable = |why: &str| {
            Err(Unreadable {
                at: self.next,
                why: why.to_owned(),
            })
        };
        if header.magic != 2 {
            return unreadable(
                "a batch has the form that Kafka had before 0.11: set `log.message.format.version` of the topic higher and publish it again",
            );
        }
        if let Some(feature) = missing(header.compression) {
            let why = format!(
                "a batch is compressed with {feature}: build signalbus-kafka with the feature `{feature}`"
            );
            return unreadable(&why);
        }
        match RecordBatchDecoder::decode(batch) {
            Ok(set) => Ok(set.records),
            // Its texts may show content.
            Err(_) => unreadable("a batch is damaged, or not in a form that we know"),
        }
    }
}

/// The feature that reads this, when it is not there.
fn missing(compression: u8) -> Option<&'static str> {
    match compression {
        1 if !cfg!(feature = "gzip") => Some("gzip"),
        2 if !cfg!(feature = "snappy") => Some("snappy"),
        3 if !cfg!(feature = "lz4") => Some("lz4"),
        4 if !cfg!(feature = "zstd") => Some("zstd"),
        _ => None,
    }
}

/// Whether a marker ends an aborted transaction: its key has a version and a type, zero for an
/// abort (Kafka protocol guide, "Control Batches").
fn is_abort(record: &Record) -> bool {
    let key = record.key.as_deref().unwrap_or_default();
    key.get(2..4) == Some(&[0, 0])
}
