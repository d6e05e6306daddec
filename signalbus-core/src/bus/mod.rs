//! Buses: carry events between processes. They may duplicate and reorder; correctness never
//! depends on them.

mod error;
pub mod memory;

pub use error::{BusError, BusErrorKind};
pub use memory::MemoryBus;

use std::{collections::BTreeMap, fmt, fmt::Debug};

use async_trait::async_trait;
use bytes::Bytes;

/// Carries envelopes from publishers to groups of consumers.
#[async_trait]
pub trait Bus: Debug + Send + Sync + 'static {
    /// The persisted name: positions are stored under it.
    fn name(&self) -> &str;

    /// Hands over envelopes; `Ok` means that the bus keeps them as well as it ever will.
    ///
    /// # Errors
    /// Some of the batch may have been handed over: publish it again, repeats are recognised.
    async fn publish(&self, batch: Vec<Envelope>) -> Result<(), BusError>;

    /// Joins a group of consumers. Each envelope reaches one member of each group.
    ///
    /// # Errors
    /// When the bus cannot be reached or a topic does not exist.
    async fn subscribe(
        &self,
        topics: &[String],
        group: &str,
    ) -> Result<Box<dyn Subscription>, BusError>;
}

/// One member of a group of consumers.
#[async_trait]
pub trait Subscription: Debug + Send {
    /// Waits for envelopes and returns at most `limit`, in the order of each partition. Cancel
    /// safe: an envelope that was not returned is returned later.
    ///
    /// # Errors
    /// When the bus cannot be reached; another call may succeed.
    async fn next(&mut self, limit: usize) -> Result<Vec<Delivered>, BusError>;

    /// Says that everything before these offsets is stored. Called after the store answered.
    ///
    /// # Errors
    /// When the bus cannot be reached: the envelopes will come again.
    async fn ack(&mut self, positions: Vec<Offset>) -> Result<(), BusError>;

    /// Starts a partition over at this offset: what the store remembers.
    ///
    /// # Errors
    /// When the bus cannot be reached.
    async fn seek(&mut self, position: Offset) -> Result<(), BusError>;
}

/// One message on a bus.
#[derive(Clone, PartialEq, Eq)]
pub struct Envelope {
    /// The topic on the bus.
    pub topic: String,
    /// Envelopes with the same key stay in order.
    pub key: Vec<u8>,
    /// Names and values beside the payload.
    pub headers: BTreeMap<String, String>,
    /// The event as JSON.
    pub payload: Bytes,
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

/// An envelope and where it was.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// The partition it came from, and the offset behind it.
    pub next: Offset,
    /// The envelope.
    pub envelope: Envelope,
}

/// A place on one partition of a topic: the next offset to read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset {
    /// The topic on the bus.
    pub topic: String,
    /// The partition.
    pub partition: u32,
    /// The next offset to read.
    pub next: u64,
}

/// Never called: proves that the traits can be used as `dyn`.
fn _object_safe(_: &dyn Bus, _: &dyn Subscription) {}
