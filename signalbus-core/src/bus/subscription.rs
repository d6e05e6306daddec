use std::{fmt::Debug, sync::Arc, time::Duration};

use async_trait::async_trait;

use super::{BusError, BusErrorKind, Envelope};
use crate::clock::Timestamp;

/// One member of a group that reads one topic. Dropping it leaves the group.
#[async_trait]
pub trait Subscription: Debug + Send {
    /// Sets the partitions to read from now on, and where to start each that was not read before;
    /// one that is read already goes on where it is. Nothing of a partition that is not listed is
    /// returned any more. Answers where each that was started begins: the place of the first
    /// envelope that [`Subscription::next`] can return of it. Only called on a positioned bus.
    ///
    /// An offset that is not there any more, or not yet, is no error here: [`Subscription::next`]
    /// tells of it.
    ///
    /// # Errors
    /// When the bus cannot be reached: call it again with the same partitions.
    async fn assign(&mut self, partitions: Vec<Partition>) -> Result<Vec<Offset>, BusError> {
        let _ = partitions;
        let problem = "an acknowledged bus has no partitions";
        Err(BusError::new(BusErrorKind::Invalid, problem))
    }

    /// Waits for envelopes and returns at most `limit`, in the order of each partition. Cancel
    /// safe: an envelope that was not returned is returned later.
    ///
    /// # Errors
    /// When the bus cannot be reached; another call may succeed.
    async fn next(&mut self, limit: usize) -> Result<Batch, BusError>;

    /// Says what is stored; called after the store answered. On a positioned bus an offset covers
    /// all that is before it, the store is what counts, and this is for those who look at the bus;
    /// on an acknowledged one an envelope that is not named here comes again.
    ///
    /// # Errors
    /// When the bus cannot be reached: the envelopes may come again.
    async fn ack(&mut self, places: Vec<Place>) -> Result<(), BusError>;

    /// Tells how long the store took for the last batch: its events, and on a positioned bus how far
    /// was read. Called before [`Subscription::ack`], for those who measure; does nothing unless
    /// implemented.
    fn stored_in(&mut self, took: Duration) {
        let _ = took;
    }

    /// How much waits to be read: of each assigned partition, or of the whole topic. Does not wait
    /// for a call of [`Subscription::next`].
    ///
    /// # Errors
    /// When the bus cannot be asked.
    async fn lag(&mut self) -> Result<Vec<Lag>, BusError>;
}

/// A partition to read, and where to start when it was not read before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    /// Counted from zero.
    pub partition: u32,
    /// Where to start.
    pub start: Start,
}

/// Where to start reading a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Start {
    /// With the oldest envelope that is kept.
    Earliest,
    /// With what is published from now on.
    Latest,
    /// With the first that was published at this time or later.
    At(Timestamp),
    /// With this offset.
    Offset(u64),
}

/// A place in one partition: the next offset to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Offset {
    /// The partition.
    pub partition: u32,
    /// The next offset to read.
    pub next: u64,
}

/// What names an envelope that was read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// On a positioned bus: its partition and the offset behind it.
    Offset(Offset),
    /// On an acknowledged one: what the bus calls it.
    Tag(Arc<str>),
}

/// What was read.
#[derive(Debug, Default)]
pub struct Batch {
    /// Envelopes, in the order of each partition.
    pub delivered: Vec<Delivered>,
    /// Partitions that cannot be read on. Told once: nothing comes of them until they are left out
    /// of an assignment and assigned again.
    pub troubles: Vec<Trouble>,
}

impl From<Vec<Delivered>> for Batch {
    fn from(delivered: Vec<Delivered>) -> Self {
        Self {
            delivered,
            troubles: Vec::new(),
        }
    }
}

/// An envelope and where it was.
#[derive(Debug, Clone)]
pub struct Delivered {
    /// What names it.
    pub place: Place,
    /// The envelope.
    pub envelope: Envelope,
    /// How often it was handed out before, as far as the bus knows.
    pub repeats: u32,
}

impl Delivered {
    /// An envelope that is handed out for the first time.
    #[must_use]
    pub fn new(place: Place, envelope: Envelope) -> Self {
        Self {
            place,
            envelope,
            repeats: 0,
        }
    }
}

/// A partition that cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which.
    pub partition: u32,
    /// The offset that should have been read.
    pub at: u64,
    /// What is wrong with it.
    pub kind: TroubleKind,
}

/// Why a partition cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum TroubleKind {
    /// The offset is not there: what it named was deleted, or the topic was made anew.
    Gone {
        /// The oldest offset that is kept.
        earliest: u64,
        /// The offset behind the newest.
        latest: u64,
    },
    /// What stands there will never be read by this bus. The text says why, and what can be done;
    /// it shows no content.
    Unreadable(String),
}

/// How much waits to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lag {
    /// The partition; none for a whole topic.
    pub partition: Option<u32>,
    /// Envelopes behind the last that was acknowledged, or that nobody acknowledged.
    pub behind: u64,
}
