use std::time::Duration;

use super::{Ask, Limit, rule};

/// What was granted, and when it may be used. Times are counted from the moment of the answer: who
/// counts from when it arrived is late by the way, and never early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slots {
    granted: u32,
    /// In microseconds from the answer, for the first unit: below zero when some of the burst is
    /// unused.
    first: i64,
    limit: Limit,
}

impl Slots {
    /// For implementers: `granted` units, of which the first could be used `first` microseconds from
    /// now, or so long ago.
    #[must_use]
    pub fn new(limit: Limit, granted: u32, first: i64) -> Self {
        Self {
            granted,
            first,
            limit,
        }
    }

    /// How many units were granted.
    #[must_use]
    pub fn granted(&self) -> u32 {
        self.granted
    }

    /// How long to wait before the unit with this index is used, counted from zero. For
    /// `unit == granted()` it is when the next one could be had that was not granted.
    #[must_use]
    pub fn wait(&self, unit: u32) -> Duration {
        let at = self.first.saturating_add(self.limit.span(unit));
        Duration::from_micros(u64::try_from(at).unwrap_or(0))
    }

    /// How many more could be used at once.
    #[must_use]
    pub fn left(&self) -> u32 {
        let next = self.first.saturating_add(self.limit.span(self.granted));
        if next > 0 {
            return 0;
        }
        let more = next.unsigned_abs() / rule::micros(self.limit.interval()).max(1);
        u32::try_from(more.saturating_add(1))
            .unwrap_or(u32::MAX)
            .min(self.limit.burst())
    }

    /// How long until the whole burst is there again.
    #[must_use]
    pub fn full_in(&self) -> Duration {
        let tolerance = self.limit.span(self.limit.burst() - 1);
        let next = self.first.saturating_add(self.limit.span(self.granted));
        let full = next.saturating_add(tolerance);
        Duration::from_micros(u64::try_from(full).unwrap_or(0))
    }
}

/// How far a limit is used up, and the rule by which it is: the generic cell rate algorithm (ITU-T
/// I.371, 2004), on any clock that counts microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    /// When the whole burst is there again.
    pub full_at: u64,
}

impl Level {
    /// Answers an ask at `now`.
    pub fn take(&mut self, ask: &Ask, now: u64) -> Slots {
        let limit = ask.limit;
        let from = self.full_at.max(now);
        let behind = rule::signed(from - now);
        let first = behind - limit.span(limit.burst() - 1);
        let patience = rule::signed(rule::micros(ask.patience));
        let fits = match patience.checked_sub(first) {
            Some(room) if room >= 0 => room / limit.span(1) + 1,
            _ => 0,
        };
        let granted = ask.units.min(u32::try_from(fits).unwrap_or(u32::MAX));
        self.full_at = from.saturating_add(u64::try_from(limit.span(granted)).unwrap_or(0));
        Slots::new(limit, granted, first)
    }
}
