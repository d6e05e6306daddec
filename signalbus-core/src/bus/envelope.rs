use std::fmt;

use bytes::Bytes;

use super::Headers;

/// One message on a bus.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The topic on the bus.
    pub topic: String,
    /// Envelopes with the same key stay in order.
    pub key: Vec<u8>,
    /// Names and values beside the payload: the trace of an event travels here, as `traceparent`
    /// and `tracestate`.
    pub headers: Headers,
    /// The event as JSON.
    pub payload: Bytes,
}

impl Envelope {
    /// An envelope without headers.
    #[must_use]
    pub fn new(
        topic: impl Into<String>,
        key: impl Into<Vec<u8>>,
        payload: impl Into<Bytes>,
    ) -> Self {
        Self {
            topic: topic.into(),
            key: key.into(),
            headers: Headers::new(),
            payload: payload.into(),
        }
    }
}

impl fmt::Debug for Envelope {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Envelope")
            .field("topic", &self.topic)
            .field("bytes", &self.payload.len())
            .finish_non_exhaustive()
    }
}
