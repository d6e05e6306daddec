use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

use signalbus::{Clock as _, EventId};

use super::clock::WorldClock;
use crate::history::{Event, Seen};

/// Where all observers write, in the order in which things happen.
#[derive(Debug)]
pub(super) struct Journal {
    clock: WorldClock,
    lines: Mutex<Lines>,
}

#[derive(Debug, Default)]
struct Lines {
    events: Vec<Event>,
    last_number: u64,
    stored: BTreeSet<EventId>,
    epochs: BTreeSet<(u64, u64)>,
}

impl Journal {
    pub(super) fn new(clock: WorldClock) -> Self {
        Self {
            clock,
            lines: Mutex::default(),
        }
    }

    pub(super) fn write(&self, actor: &str, seen: Seen) {
        let event = Event {
            at: u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX),
            wall: self.clock.now(),
            actor: actor.to_owned(),
            seen,
        };
        self.lock().events.push(event);
    }

    /// A number that was not used before, for a call or request.
    pub(super) fn number(&self) -> u64 {
        let mut lines = self.lock();
        lines.last_number += 1;
        lines.last_number
    }

    /// Whether this event was not stored before.
    pub(super) fn is_new(&self, event: EventId) -> bool {
        self.lock().stored.insert(event)
    }

    /// The store forgot these events: it may take them again.
    pub(super) fn forget(&self, events: &BTreeSet<EventId>) {
        self.lock().stored.retain(|event| !events.contains(event));
    }

    /// Whether this owner of a lane was not seen before.
    pub(super) fn is_new_epoch(&self, lane: u64, epoch: u64) -> bool {
        self.lock().epochs.insert((lane, epoch))
    }

    /// Looks at the lines so far.
    pub(super) fn look<T>(&self, look: impl FnOnce(&[Event]) -> T) -> T {
        look(&self.lock().events)
    }

    pub(super) fn take(&self) -> Vec<Event> {
        std::mem::take(&mut self.lock().events)
    }

    fn lock(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
