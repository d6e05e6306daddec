//! Bounds on how much is sent: retries as a share of first tries, and a provider's rate.

use std::time::Duration;

use crate::provider::Rate;

/// Keeps retries a share of first tries (promise P8), with a small minimum so that they go on
/// when there are no first tries.
#[derive(Debug)]
pub(crate) struct RetryBudget {
    tokens: f64,
    filled_at: Duration,
}

/// Retries allowed for each first try.
const SHARE: f64 = 0.2;
/// Retries allowed in each second besides.
const PER_SECOND: f64 = 20.0;
/// The most that can be saved up.
const SAVED: f64 = 200.0;

impl RetryBudget {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            tokens: PER_SECOND,
            filled_at: now,
        }
    }

    pub(crate) fn allows(&mut self, now: Duration) -> bool {
        let passed = now.saturating_sub(self.filled_at);
        self.filled_at = now;
        self.add(passed.as_secs_f64() * PER_SECOND);
        self.tokens >= 1.0
    }

    pub(crate) fn first_try(&mut self) {
        self.add(SHARE);
    }

    pub(crate) fn retry(&mut self) {
        self.tokens -= 1.0;
    }

    /// The value of the gauge `provider_retry_budget_remaining`.
    pub(crate) fn remaining(&self) -> f64 {
        self.tokens
    }

    fn add(&mut self, tokens: f64) {
        self.tokens = (self.tokens + tokens).min(SAVED);
    }
}

/// Spreads sends evenly with a burst: the generic cell rate algorithm (ITU-T I.371), one
/// timestamp per provider.
#[derive(Debug)]
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
                .saturating_sub(rate.interval * rate.burst.saturating_sub(1)),
        }
    }

    pub(crate) fn start(&mut self, now: Duration) {
        if let Some(rate) = self.rate {
            self.next = self.next.max(now) + rate.interval;
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
        let mut drain = |budget: &mut RetryBudget| {
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
