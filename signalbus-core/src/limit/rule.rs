use std::time::Duration;

use crate::provider::Rate;

/// So many units in a period, evenly spread, and so many of them at once after a rest.
///
/// Slots are spaced to the microsecond, rounded up: 300 a second are one each 3,334 µs. Never
/// more is let through than was said; above 10,000 a second it may be a percent less.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Limit {
    interval: u64,
    burst: u32,
}

/// The most of a burst, and of one ask: so that no number overflows in any limiter.
pub(super) const MOST: u32 = 100_000;
const LONGEST: u64 = 86_400_000_000;

impl Limit {
    /// `units` in each `period`, one after the other. At least one; `period` is at most a day.
    #[must_use]
    pub fn per(units: u32, period: Duration) -> Self {
        let period = micros(period).clamp(1, LONGEST);
        Self {
            interval: period.div_ceil(u64::from(units.max(1))),
            burst: 1,
        }
    }

    /// `units` in each second, one after the other.
    #[must_use]
    pub fn per_second(units: u32) -> Self {
        Self::per(units, Duration::from_secs(1))
    }

    /// Sets how many units may be used at once after a rest: one unless set, at most 100,000.
    #[must_use]
    pub fn with_burst(mut self, units: u32) -> Self {
        self.burst = units.clamp(1, MOST);
        self
    }

    /// A part of it, for one of `processes` that share it: at this rate with a part of the burst, at
    /// least one.
    #[must_use]
    pub fn share(self, processes: u32) -> Self {
        let processes = processes.max(1);
        Self {
            interval: self
                .interval
                .saturating_mul(u64::from(processes))
                .min(LONGEST.saturating_mul(u64::from(processes))),
            burst: (self.burst / processes).max(1),
        }
    }

    /// The time between two units.
    #[must_use]
    pub fn interval(&self) -> Duration {
        Duration::from_micros(self.interval)
    }

    /// How many units may be used at once after a rest.
    #[must_use]
    pub fn burst(&self) -> u32 {
        self.burst
    }

    /// How long so many units take, in microseconds.
    pub(super) fn span(self, units: u32) -> i64 {
        signed(self.interval.saturating_mul(u64::from(units)))
    }
}

impl From<Rate> for Limit {
    fn from(rate: Rate) -> Self {
        Self::per(1, rate.interval).with_burst(rate.burst)
    }
}

/// In microseconds, rounded up.
pub(super) fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_nanos().div_ceil(1_000)).unwrap_or(u64::MAX)
}

/// As a signed number, or the largest.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
