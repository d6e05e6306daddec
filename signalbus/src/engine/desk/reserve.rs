use std::{collections::VecDeque, time::Duration};

use super::AHEAD;
use crate::limit::Slots;

/// The slots of one key that a worker holds.
#[derive(Debug, Default)]
pub(super) struct Reserve {
    /// From when each may be used, on the monotonic clock, soonest first.
    slots: VecDeque<Duration>,
    /// When it is worth asking for more.
    ask_at: Duration,
    /// When it was last of use.
    used_at: Duration,
}

/// How long one is kept that nobody needs.
const KEPT: Duration = Duration::from_secs(60);

impl Reserve {
    pub(super) fn in_hand(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn is_ready(&self, now: Duration) -> bool {
        self.slots.iter().any(|at| is_usable(*at, now))
    }

    pub(super) fn start(&mut self, now: Duration) {
        if let Some(index) = self.slots.iter().position(|at| is_usable(*at, now)) {
            self.slots.remove(index);
        }
        self.used_at = now;
    }

    /// How many to ask for, to have `most` in hand; none while half of them are.
    pub(super) fn lacks(&mut self, most: u32, now: Duration) -> Option<u32> {
        self.used_at = now;
        let have = u32::try_from(self.slots.len()).unwrap_or(u32::MAX);
        let lacks = most.saturating_sub(have);
        (lacks > most / 2 && now >= self.ask_at).then_some(lacks)
    }

    /// Takes in an answer that came at `at`.
    pub(super) fn add(&mut self, asked: u32, slots: Slots, at: Duration) {
        let granted = slots.granted();
        self.slots
            .extend((0..granted).map(|unit| at + slots.wait(unit)));
        if granted < asked {
            // When half of what may be reserved is free again, so that the asks of many are few.
            let wait = slots.wait(granted).saturating_sub(AHEAD / 2);
            self.ask_at = at + wait.max(Duration::from_millis(1));
        }
    }

    /// Drops what is too late to be used, and says how many.
    pub(super) fn give_up(&mut self, now: Duration) -> u64 {
        let mut late = 0;
        while self.slots.pop_front_if(|at| *at + AHEAD < now).is_some() {
            late += 1;
        }
        late
    }

    pub(super) fn is_over(&self, now: Duration) -> bool {
        self.slots.is_empty() && self.used_at + KEPT < now
    }

    pub(super) fn next_at(&self, now: Duration, asking: bool) -> Option<Duration> {
        let ask = Some(self.ask_at).filter(|at| *at > now && !asking);
        let slot = self.slots.iter().copied().find(|at| *at > now);
        ask.into_iter().chain(slot).min()
    }
}

fn is_usable(at: Duration, now: Duration) -> bool {
    at <= now && now <= at + AHEAD
}
