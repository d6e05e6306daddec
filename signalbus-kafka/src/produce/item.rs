use bytes::Bytes;
use rskafka::{
    chrono::{DateTime, Utc},
    record::Record,
};
use signalbus_core::{
    bus::{Envelope, Headers},
    clock::Timestamp,
};

/// An envelope that is to be published. Kept until it was: a batch that is too large is parted.
#[derive(Debug)]
pub(super) struct Item {
    key: Vec<u8>,
    headers: Headers,
    payload: Bytes,
    at: Timestamp,
}

/// What a record has beside its key, headers and value, at most about.
const OVERHEAD: usize = 32;

impl Item {
    pub(super) fn new(envelope: Envelope, at: Timestamp) -> Self {
        Self {
            key: envelope.key,
            headers: envelope.headers,
            payload: envelope.payload,
            at,
        }
    }

    /// About how many bytes its record has.
    pub(super) fn bytes(&self) -> usize {
        let headers = self.headers.iter();
        let headers: usize = headers
            .map(|(name, value)| name.len() + value.len() + 4)
            .sum();
        self.key.len() + headers + self.payload.len() + OVERHEAD
    }

    pub(super) fn record(&self) -> Record {
        let headers = self.headers.iter();
        Record {
            key: Some(self.key.clone()),
            value: Some(self.payload.to_vec()),
            headers: headers
                .map(|(name, value)| (name.to_owned(), value.to_vec()))
                .collect(),
            timestamp: time(self.at),
        }
    }
}

fn time(at: Timestamp) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(at.as_millisecond()).unwrap_or_default()
}
