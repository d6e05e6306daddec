use std::collections::VecDeque;

use super::super::Envelope;
use crate::clock::Timestamp;

/// Envelopes under consecutive offsets, with the times of their publishing.
#[derive(Debug)]
pub(super) struct Log {
    first: u64,
    entries: VecDeque<(Timestamp, Envelope)>,
}

impl Log {
    pub(super) fn new(first: u64) -> Self {
        Self {
            first,
            entries: VecDeque::new(),
        }
    }

    /// The oldest offset that is kept.
    pub(super) fn first(&self) -> u64 {
        self.first
    }

    /// The offset behind the newest.
    pub(super) fn end(&self) -> u64 {
        self.first + u64::try_from(self.entries.len()).unwrap_or(0)
    }

    pub(super) fn append(&mut self, at: Timestamp, envelope: Envelope) {
        self.entries.push_back((at, envelope));
    }

    pub(super) fn get(&self, offset: u64) -> Option<&Envelope> {
        let place = usize::try_from(offset.checked_sub(self.first)?).ok()?;
        self.entries.get(place).map(|(_, envelope)| envelope)
    }

    /// The first that was published at this time or later; the end when there is none.
    pub(super) fn since(&self, time: Timestamp) -> u64 {
        let earlier = self.entries.iter().take_while(|(at, _)| *at < time).count();
        self.first + u64::try_from(earlier).unwrap_or(0)
    }

    pub(super) fn drop_before(&mut self, offset: u64) {
        while self.first < offset && self.entries.pop_front().is_some() {
            self.first += 1;
        }
    }

    /// Keeps at most so many, the newest.
    pub(super) fn keep(&mut self, most: u64) {
        self.drop_before(self.end().saturating_sub(most));
    }
}
