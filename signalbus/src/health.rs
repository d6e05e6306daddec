//! How the engine does.

use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::{
    clock::{Clock, Timestamp},
    store::StoreError,
};

/// How an engine does now: for a readiness probe, and for whoever is woken up.
///
/// Its `Display` is a line for each problem, or `the engine is well`. It says nothing of single
/// providers, which the metrics do: one that is away is no fault of this process.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Health {
    /// The part that sends; none in a process that has no provider for any channel.
    pub sending: Option<PartHealth>,
    /// The parts that read buses, by the names of bus and topic.
    pub reading: Vec<(String, PartHealth)>,
    /// Since when the store has not answered as it should, and what it said last; none while it does.
    pub store: Option<StoreTrouble>,
    /// The lanes that it owns. None for longer than a lease is a problem only where no other process
    /// sends.
    pub lanes: usize,
    /// Sends in flight.
    pub in_flight: usize,
    /// Results that the store did not take so far. They are tried again; should the process end before,
    /// their deliveries are found as interrupted, and may be sent again.
    pub unwritten: usize,
}

/// How one part of the engine does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartHealth {
    /// It was not started, or has left after a shutdown.
    Stopped,
    /// It works.
    Running,
    /// It finishes what is in flight, and leaves.
    Leaving,
    /// It panicked this many times in a row, and is started again by itself in a moment.
    Restarting {
        /// How often.
        panics: u32,
    },
}

/// A store that does not answer as it should.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoreTrouble {
    /// Since when.
    pub since: Timestamp,
    /// What it said last.
    pub error: String,
}

impl Health {
    /// Whether all parts run, and the store answers.
    #[must_use]
    pub fn is_well(&self) -> bool {
        self.problems().next().is_none()
    }

    fn problems(&self) -> impl Iterator<Item = String> {
        let sending = self.sending.and_then(|part| part.problem("sending"));
        let reading = self.reading.iter();
        let reading =
            reading.filter_map(|(bus, part)| part.problem(&format!("reading the bus {bus}")));
        let store = self.store.iter().map(|trouble| {
            let StoreTrouble { since, error } = trouble;
            format!("the store fails since {since}: {error}")
        });
        let unwritten = (self.unwritten > 0)
            .then(|| format!("the store does not take {} results", self.unwritten));
        sending
            .into_iter()
            .chain(reading)
            .chain(store)
            .chain(unwritten)
    }
}

impl PartHealth {
    fn problem(self, part: &str) -> Option<String> {
        match self {
            Self::Running => None,
            Self::Stopped => Some(format!("{part} is not started, or was shut down")),
            Self::Leaving => Some(format!("{part} is shutting down")),
            Self::Restarting { panics } => Some(format!(
                "{part} panicked {panics} times in a row, and is started again"
            )),
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problems: Vec<String> = self.problems().collect();
        if problems.is_empty() {
            return f.write_str("the engine is well");
        }
        f.write_str(&problems.join("\n"))
    }
}

/// What the parts of an engine say about themselves.
#[derive(Debug, Default)]
pub(crate) struct Vitals(Mutex<Signs>);

#[derive(Debug, Default, Clone)]
struct Signs {
    store: Option<StoreTrouble>,
    lanes: usize,
    in_flight: usize,
    unwritten: usize,
}

impl Vitals {
    /// What came of a call of the store. One that refuses what it is asked works.
    pub(crate) fn store(&self, error: Option<&StoreError>, clock: &dyn Clock) {
        let mut signs = self.lock();
        match error.filter(|error| error.is_transient()) {
            None => signs.store = None,
            Some(error) => {
                let since = signs.store.take().map(|trouble| trouble.since);
                signs.store = Some(StoreTrouble {
                    since: since.unwrap_or_else(|| clock.now()),
                    error: crate::chain::Chain(error).to_string(),
                });
            }
        }
    }

    pub(crate) fn worker(&self, lanes: usize, in_flight: usize, unwritten: usize) {
        let mut signs = self.lock();
        (signs.lanes, signs.in_flight, signs.unwritten) = (lanes, in_flight, unwritten);
    }

    pub(crate) fn health(
        &self,
        sending: Option<PartHealth>,
        reading: Vec<(String, PartHealth)>,
    ) -> Health {
        let Signs {
            store,
            lanes,
            in_flight,
            unwritten,
        } = self.lock().clone();
        Health {
            sending,
            reading,
            store,
            lanes,
            in_flight,
            unwritten,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Signs> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
