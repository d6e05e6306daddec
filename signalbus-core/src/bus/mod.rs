//! Buses: carry events between processes. They may duplicate and reorder; correctness never
//! depends on them.
//!
//! There are two kinds ([`BusKind`]). A *positioned* bus is a log: partitions with offsets, of
//! which the store remembers, in the transaction that stores the events, how far they were read
//! (Kafka). An *acknowledged* bus hands out envelopes and forgets those that are acknowledged
//! (Redis streams, SQS, a table in a database): nothing about it is stored, and what comes twice is
//! known by the ids of events.

mod envelope;
mod error;
mod headers;
pub mod memory;
mod subscription;

pub use envelope::Envelope;
pub use error::{BusError, BusErrorKind};
pub use headers::Headers;
pub use memory::MemoryBus;
pub use subscription::{
    Batch, Delivered, Lag, Offset, Partition, Place, Start, Subscription, Trouble, TroubleKind,
};

use std::fmt::Debug;

use async_trait::async_trait;

/// Carries envelopes from publishers to groups of consumers.
#[async_trait]
pub trait Bus: Debug + Send + Sync + 'static {
    /// The persisted name: positions are stored under it, and ids are derived from it.
    fn name(&self) -> &str;

    /// How a group of consumers keeps track of what it read.
    fn kind(&self) -> BusKind;

    /// The most bytes that the payload of an envelope may have.
    fn max_payload(&self) -> usize {
        usize::MAX
    }

    /// Hands over envelopes; `Ok` means that the bus keeps them as well as it ever will. Envelopes
    /// with the same topic and key stay in order.
    ///
    /// # Errors
    /// Some of the batch may have been handed over: publish it again, repeats are recognised.
    /// [`BusErrorKind::Invalid`] when a topic does not exist, or an envelope is too large.
    async fn publish(&self, batch: Vec<Envelope>) -> Result<(), BusError>;

    /// How many partitions a topic has; they are counted from zero. Only asked of a positioned bus.
    ///
    /// # Errors
    /// When the bus cannot be reached or the topic does not exist. [`BusErrorKind::Invalid`] by
    /// default: an acknowledged bus has no partitions.
    async fn partitions(&self, topic: &str) -> Result<u32, BusError> {
        let _ = topic;
        let problem = "an acknowledged bus has no partitions";
        Err(BusError::new(BusErrorKind::Invalid, problem))
    }

    /// Reads a topic as a member of a group. Each envelope is for one member of each group: on an
    /// acknowledged bus the bus sees to that, on a positioned one each member reads the partitions
    /// it is [assigned](Subscription::assign), none at first.
    ///
    /// # Errors
    /// When the bus cannot be reached or the topic does not exist.
    async fn subscribe(&self, topic: &str, group: &str) -> Result<Box<dyn Subscription>, BusError>;
}

/// How a group of consumers keeps track of what it read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BusKind {
    /// By an offset in each partition. The store keeps it, and workers share the partitions out by
    /// leases.
    Positioned,
    /// By acknowledging each envelope. The bus shares them out, and hands out again what nobody
    /// acknowledged.
    Acknowledged,
}

/// Never called: proves that the traits can be used as `dyn`.
fn _object_safe(_: &dyn Bus, _: &dyn Subscription) {}
