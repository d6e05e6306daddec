use super::{InvalidEvent, Published};
use crate::{
    Wake,
    event::Event,
    store::{Acceptance, NewEvent},
};

/// Plans events for a store that takes them in the host's own transaction.
///
/// For the caller: `Signalbus` is one; hand it to the `publish_in` of a store.
///
/// For the implementer of such a method: [`prepare`](Prepare::prepare) the event, store its
/// [`NewEvent`] through the host's connection, [`answer`](Prepare::answer) with what the store
/// said, and give the [`Wake`] along.
pub trait Prepare: Send + Sync {
    /// Checks and plans an event.
    ///
    /// # Errors
    /// When the event is wrong.
    fn prepare(&self, event: Event) -> Result<Prepared, InvalidEvent>;

    /// The answer for the publisher, now that a store has said what became of the event.
    fn answer(&self, published: Published, acceptance: &Acceptance) -> Published;

    /// What tells the engine of this process that the host's transaction was committed.
    fn wake(&self) -> Wake;
}

/// An event that was checked and planned, to be stored in the host's own transaction.
#[derive(Debug)]
#[must_use = "an event that is only prepared is never sent"]
pub struct Prepared {
    event: NewEvent,
    published: Published,
}

impl Prepared {
    /// What a store's `accept` takes, and what the publisher is answered when the event is new.
    pub fn new(event: NewEvent, published: Published) -> Self {
        Self { event, published }
    }

    /// The two parts of [`Prepared::new`].
    #[must_use]
    pub fn into_parts(self) -> (NewEvent, Published) {
        (self.event, self.published)
    }
}
