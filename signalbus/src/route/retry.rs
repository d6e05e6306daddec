//! When to try again.

use std::time::Duration;

/// How often and when a delivery is tried again (promise P8).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct RetryPolicy {
    /// Tries that count before a delivery is dead: 12 by default. Tries of an open breaker's
    /// probes, crashes and paused providers do not count.
    pub max_attempts: u32,
    /// No retry comes sooner than this after a try: 1 s by default.
    pub floor: Duration,
    /// The longest wait after the first try: 5 s by default.
    pub base: Duration,
    /// How much longer each wait may be than the last: 3 by default.
    pub factor: f64,
    /// The longest wait there is: 2 h by default.
    pub cap: Duration,
    /// A provider that asks to wait for longer than this makes the delivery dead: 24 h by
    /// default.
    pub longest_retry_after: Duration,
    /// A provider that may know later whether it has a message is asked again for so long after the try
    /// whose answer was lost: 1 h by default. Then, or when the message would expire, the channel's
    /// [`Guarantee`](crate::Guarantee) decides. Meanwhile the message waits; zero asks once only.
    pub longest_doubt: Duration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            max_attempts: 12,
            floor: Duration::from_secs(1),
            base: Duration::from_secs(5),
            factor: 3.0,
            cap: Duration::from_secs(2 * 60 * 60),
            longest_retry_after: Duration::from_secs(24 * 60 * 60),
            longest_doubt: Duration::from_secs(60 * 60),
        }
    }
}

impl RetryPolicy {
    /// Sets how many tries count before a delivery is dead; at least one.
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = attempts.max(1);
        self
    }

    /// Sets the floor, the longest wait after the first try, and the longest wait there is.
    #[must_use]
    pub fn with_waits(mut self, floor: Duration, base: Duration, cap: Duration) -> Self {
        self.floor = floor;
        self.base = base;
        self.cap = cap;
        self
    }

    /// Sets how long a provider is asked again that may know later whether it has a message.
    #[must_use]
    pub fn with_longest_doubt(mut self, longest: Duration) -> Self {
        self.longest_doubt = longest;
        self
    }

    /// The wait after the `failures`-th try that counts, with `draw` in `0.0..1.0`.
    ///
    /// A fault of the provider spreads over the whole range above the floor; a fault of quota
    /// keeps at least half of the wait, so that no draw brings all throttled messages back at
    /// once. A `Retry-After` is never undercut: a tenth is added at most, so that those who were
    /// told the same do not return together.
    pub(crate) fn wait(
        &self,
        failures: u32,
        throttled: bool,
        retry_after: Option<Duration>,
        draw: f64,
    ) -> Duration {
        if let Some(asked) = retry_after {
            let spread = asked.mul_f64(0.1 * draw);
            return asked.max(self.floor).saturating_add(spread);
        }
        let exponent = i32::try_from(failures.saturating_sub(1)).unwrap_or(i32::MAX);
        let seconds = self.base.as_secs_f64() * self.factor.max(1.0).powi(exponent);
        let longest = Duration::try_from_secs_f64(seconds)
            .unwrap_or(self.cap)
            .min(self.cap);
        let shortest = if throttled {
            (longest / 2).max(self.floor)
        } else {
            self.floor
        };
        shortest + longest.saturating_sub(shortest).mul_f64(draw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_up_to_the_cap_and_never_fall_below_the_floor() {
        let policy = RetryPolicy::default();
        let longest = |failures| policy.wait(failures, false, None, 1.0);
        assert_eq!(longest(1), Duration::from_secs(5));
        assert_eq!(longest(2), Duration::from_secs(15));
        assert_eq!(longest(3), Duration::from_secs(45));
        assert_eq!(longest(40), policy.cap);
        assert_eq!(longest(u32::MAX), policy.cap);
        assert_eq!(policy.wait(40, false, None, 0.0), policy.floor);
    }

    #[test]
    fn throttled_messages_keep_half_of_the_wait() {
        let policy = RetryPolicy::default();
        assert_eq!(
            policy.wait(3, true, None, 0.0),
            Duration::from_millis(22_500)
        );
    }

    #[test]
    fn retry_after_is_never_undercut() {
        let policy = RetryPolicy::default();
        let asked = Duration::from_secs(100);
        assert_eq!(policy.wait(1, true, Some(asked), 0.0), asked);
        assert_eq!(
            policy.wait(9, true, Some(asked), 1.0),
            Duration::from_secs(110)
        );
        assert_eq!(
            policy.wait(1, true, Some(Duration::ZERO), 0.5),
            policy.floor
        );
    }
}
