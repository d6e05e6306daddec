use std::sync::Arc;

use super::Signalbus;
use crate::{
    Wake,
    event::Event,
    publish::{InvalidEvent, Prepare, Prepared, Published, Verdict, check},
    route::content::answers,
    store::{Acceptance, StoredEvent},
};

impl Prepare for Signalbus {
    fn prepare(&self, event: Event) -> Result<Prepared, InvalidEvent> {
        check::check_expiry(&event, self.shared().clock.now())?;
        let (prepared, _) = self.shared().planner.prepare(event, &mut Vec::new())?;
        Ok(prepared)
    }

    fn answer(&self, published: Published, acceptance: &Acceptance) -> Published {
        after(published, acceptance)
    }

    fn wake(&self) -> Wake {
        Self::wake(self)
    }
}

impl Signalbus {
    /// What wakes the engine after a commit it cannot see. Also where one transaction published
    /// many events: one wake is enough.
    pub fn wake(&self) -> Wake {
        let bell = Arc::clone(&self.shared().bell);
        Wake::new(move || bell.ring())
    }
}

/// The answer for the publisher, now that a store has said what became of the event.
pub(super) fn after(published: Published, acceptance: &Acceptance) -> Published {
    match acceptance {
        Acceptance::Duplicate(original) => duplicate(original),
        Acceptance::Conflict(original) => Published {
            event: *original,
            verdict: Verdict::Conflict,
            routes: Vec::new(),
        },
        _ => published,
    }
}

fn duplicate(original: &StoredEvent) -> Published {
    Published {
        event: original.id,
        verdict: Verdict::Duplicate,
        routes: answers(&original.content),
    }
}
