//! Bounds on how much is sent: retries as a share of first tries, and a provider's rate.

use std::time::Duration;

use crate::provider::Rate;

/// Keeps retries a share of first tries (promise P8), with a small minimum so that they go on
/// when there are no first tries.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    /// In thousandths, so that shares add up exactly.
    tokens: u64,
    /// To the millisecond.
    filled_at: Duration,
}

/// One retry.
const RETRY: u64 = 1_000;
/// Retries allowed for each first try.
const SHARE: u64 = RETRY / 5;
/// Retries allowed in each second besides.
const PER_SECOND: u64 = 20 * RETRY;
/// The most that can be saved up.
const SAVED: u64 = 200 * RETRY;

impl RetryBudget {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            tokens: PER_SECOND,
            filled_at: now,
        }
    }

    pub(crate) fn allows(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.filled_at).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        self.filled_at += Duration::from_millis(passed);
        self.add(passed.saturating_mul(PER_SECOND / 1_000));
        self.tokens >= RETRY
    }

    pub(crate) fn first_try(&mut self) {
        self.add(SHARE);
    }

    pub(crate) fn retry(&mut self) {
        self.tokens = self.tokens.saturating_sub(RETRY);
    }

    /// The value of the gauge `provider_retry_budget_remaining`.
    pub(crate) fn remaining(&self) -> f64 {
        f64::from(u32::try_from(self.tokens).unwrap_or(u32::MAX)) / 1_000.0
    }

    fn add(&mut self, tokens: u64) {
        self.tokens = self.tokens.saturating_add(tokens).min(SAVED);
    }
}

/// Spreads sends evenly with a burst: the generic cell rate algorithm (ITU-T I.371), one
/// timestamp per provider.
#[derive(Debug, Clone)]
pub(crate) struct Pacer {
    rate: Option<Rate>,
    /// The theoretical arrival time of the next send.
    next: Duration,
}

impl Pacer {
    pub(crate) fn new(rate: Option<Rate>) -> Self {
        Self {
            rate,
            next: Duration::ZERO,
        }
    }

    /// When the next send may start.
    pub(crate) fn ready_at(&self) -> Duration {
        match self.rate {
            None => Duration::ZERO,
            Some(rate) => self
                .next
                .saturating_sub(rate.interval.saturating_mul(rate.burst.saturating_sub(1))),
        }
    }

    pub(crate) fn start(&mut self, now: Duration) {
        if let Some(rate) = self.rate {
            self.next = self.next.max(now).saturating_add(rate.interval);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_share_of_first_tries() {
        let now = Duration::from_secs(100);
        let mut budget = RetryBudget::new(now);
        let drain = |budget: &mut RetryBudget| {
            let mut count = 0;
            while budget.allows(now) {
                budget.retry();
                count += 1;
            }
            count
        };
        drain(&mut budget);
        for _ in 0..100 {
            budget.first_try();
        }
        assert_eq!(drain(&mut budget), 20);
    }

    #[test]
    fn retries_go_on_at_a_small_rate_without_first_tries() {
        let mut budget = RetryBudget::new(Duration::ZERO);
        let mut retries = 0;
        for tenth_of_a_millisecond in 1..=100_000_u64 {
            let now = Duration::from_micros(100 * tenth_of_a_millisecond);
            while budget.allows(now) {
                budget.retry();
                retries += 1;
            }
        }
        assert_eq!(retries, 20 + 10 * 20, "20 at once, then 20 in each of 10 s");
    }

    #[test]
    fn what_was_saved_up_is_bounded() {
        let mut budget = RetryBudget::new(Duration::ZERO);
        for _ in 0..1_000_000 {
            budget.first_try();
        }
        assert!(budget.allows(Duration::MAX));
        assert_eq!(budget.remaining().to_string(), "200");
    }

    #[test]
    fn a_pacer_lets_a_burst_through_and_then_one_each_interval() {
        let mut pacer = Pacer::new(Some(Rate {
            interval: Duration::from_millis(100),
            burst: 3,
        }));
        let mut now = Duration::from_secs(5);
        let mut starts = Vec::new();
        for _ in 0..6 {
            now = now.max(pacer.ready_at());
            pacer.start(now);
            starts.push(now.as_millis());
        }
        assert_eq!(starts, [5000, 5000, 5000, 5100, 5200, 5300]);
    }
}
