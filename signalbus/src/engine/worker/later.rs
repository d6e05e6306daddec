use std::{collections::BTreeMap, time::Duration};

use crate::store::{LaneId, Ready, Settle};

/// What the store could not write, and when it is tried again.
#[derive(Default)]
pub(super) struct Laters {
    /// The number tells those apart that are due at once.
    due: BTreeMap<(Duration, u64), Later>,
    count: u64,
    results: usize,
}

pub(super) enum Later {
    Claim(Box<Ready>),
    /// One that those behind it wait for.
    ClaimInOrder(Box<Ready>),
    Result(Box<(Ready, Settle)>),
}

impl Laters {
    pub(super) fn put(&mut self, until: Duration, later: Later) {
        self.count += 1;
        self.results += usize::from(matches!(later, Later::Result(..)));
        self.due.insert((until, self.count), later);
    }

    /// One that is due.
    pub(super) fn take(&mut self, now: Duration) -> Option<Later> {
        let first = self.due.first_entry()?;
        let later = (first.key().0 <= now).then(|| first.remove())?;
        self.results -= usize::from(matches!(later, Later::Result(..)));
        Some(later)
    }

    pub(super) fn next_at(&self) -> Option<Duration> {
        self.due.first_key_value().map(|((until, _), _)| *until)
    }

    /// Whether a result of a lane is among them.
    pub(super) fn is_busy(&self, lane: LaneId) -> bool {
        let mut all = self.due.values();
        all.any(|later| matches!(later, Later::Result(of) if of.0.lane == lane))
    }

    pub(super) fn results(&self) -> usize {
        self.results
    }
}
