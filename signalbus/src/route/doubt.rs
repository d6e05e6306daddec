use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// The time in which a delivery may have been sent, of which nobody knows whether it was: by the store's
/// clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Doubt {
    /// When the first try began that may have sent it.
    pub(crate) from: Timestamp,
    /// When the last one was given up.
    pub(crate) to: Timestamp,
}

impl Doubt {
    pub(crate) fn new(from: Timestamp, to: Timestamp) -> Self {
        let to = to.max(from);
        Self { from, to }
    }

    /// Another try that may have sent it.
    pub(crate) fn and(self, earlier: Option<Self>) -> Self {
        match earlier {
            Some(earlier) => Self {
                from: self.from.min(earlier.from),
                to: self.to.max(earlier.to),
            },
            None => self,
        }
    }
}
