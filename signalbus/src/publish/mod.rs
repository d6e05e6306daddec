//! From an event to what is stored: checked, planned, and answered with data.

mod answer;
mod check;
mod error;
mod fingerprint;
mod planner;

pub use answer::{Answer, Published, RouteAnswer, Verdict};
pub use check::PublishLimits;
pub use error::{InvalidEvent, PublishError};
pub(crate) use planner::Planner;

use crate::store::NewEvent;

/// An event that was checked and planned, to be stored in the host's own transaction.
#[derive(Debug)]
#[must_use = "an event that is only prepared is never sent"]
pub struct Prepared {
    pub(crate) event: NewEvent,
    pub(crate) published: Published,
}

impl Prepared {
    /// What a store's `accept` takes, and what it answers when the event is new.
    #[must_use]
    pub fn into_parts(self) -> (NewEvent, Published) {
        (self.event, self.published)
    }
}
