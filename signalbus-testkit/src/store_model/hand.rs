//! What a worker has in hand.

use signalbus_core::{
    Class, DeliveryId,
    store::{ClassWindow, Fetched, Flush, Group, LaneId, LaneLease, Ready},
};

use crate::store_suite::Worker;

/// A worker, what it read, and what it claimed. It forgets little, so that it also comes too late.
#[derive(Debug)]
pub(super) struct Hand {
    pub(super) worker: Worker,
    pub(super) surplus: Vec<LaneId>,
    pub(super) read: Vec<Ready>,
    pub(super) flights: Vec<Flight>,
    pub(super) last: Option<(Vec<LaneLease>, Flush)>,
    resume: Vec<(Class, Group)>,
}

/// A claimed delivery: `before` is as it was before the claim.
#[derive(Debug, Clone)]
pub(super) struct Flight {
    pub(super) before: Ready,
}

/// How much of what it read before a worker still has in hand.
const STALE: usize = 6;

impl Hand {
    pub(super) fn new(worker: Worker) -> Self {
        Self {
            worker,
            surplus: Vec::new(),
            read: Vec::new(),
            flights: Vec::new(),
            last: None,
            resume: Vec::new(),
        }
    }

    /// Goes on where the last look was cut.
    pub(super) fn go_on(&mut self, class: &mut ClassWindow) {
        let cut = self.resume.iter().position(|(of, _)| *of == class.class);
        class.after = cut.map(|place| self.resume.remove(place).1);
    }

    pub(super) fn take_in(&mut self, fetched: Fetched) {
        let stale = self.read.len().saturating_sub(STALE);
        self.read.drain(..stale);
        self.read
            .retain(|old| fetched.ready.iter().all(|new| new.id != old.id));
        self.read.extend(fetched.ready);
        for interrupted in fetched.interrupted {
            let mut before = interrupted.ready;
            before.attempt = before.attempt.saturating_sub(1);
            self.fly(before);
        }
        self.resume = fetched.resume;
    }

    pub(super) fn fly(&mut self, before: Ready) {
        self.flights.retain(|flight| flight.before.id != before.id);
        self.flights.push(Flight { before });
    }

    /// What was settled comes last when something is to be settled.
    pub(super) fn landed(&mut self, id: DeliveryId) {
        let place = self
            .flights
            .iter()
            .position(|flight| flight.before.id == id);
        if let Some(place) = place {
            let flight = self.flights.remove(place);
            self.flights.insert(0, flight);
            self.flights.truncate(12);
        }
    }
}
