use serde::{Deserialize, Serialize};

/// The order of messages to one recipient on one channel, within one class (promise P5).
///
/// Messages of several orders may go to one recipient. Each keeps the rule of its own order: a
/// strict one waits for all earlier ones but the unordered, however those are ordered; those
/// ordered by start keep their order among themselves, and pass a strict one that has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// No order, and more than one may be in flight: for addresses such as `ops@`.
    #[serde(rename = "none")]
    Unordered,
    /// First sends start in publish order, one at a time; a retry, and one that a pause held, does not
    /// hold back later ones of this order.
    #[default]
    Start,
    /// A message waits until every earlier one has ended; a dead one is skipped.
    Strict,
    /// A message waits until every earlier one has ended well; a dead one blocks its successors
    /// until it is redriven and ends in another way, or is purged. To go on without it, redrive it
    /// with [`Redrive::expires_at`](crate::store::Redrive::expires_at) now: it expires unsent. A
    /// cancel does not help: it changes nothing that has ended.
    StrictBlocking,
}

impl Order {
    /// Whether successors wait for a message that is retried.
    #[must_use]
    pub const fn is_strict(self) -> bool {
        matches!(self, Self::Strict | Self::StrictBlocking)
    }
}
