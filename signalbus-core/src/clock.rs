//! Time comes in from outside: the one file that reads the operating system's clock.

use std::{fmt::Debug, time::Duration};

use async_trait::async_trait;
pub use jiff::Timestamp;

/// Tells the time and waits for it to pass.
///
/// The engine asks nobody else: with a test clock, retries, leases, timeouts and expiry all move
/// when the test says so.
#[async_trait]
pub trait Clock: Debug + Send + Sync + 'static {
    /// Wall-clock time. May jump in both directions.
    fn now(&self) -> Timestamp;

    /// Time since some fixed origin of this clock. Never goes back.
    fn monotonic(&self) -> Duration;

    /// Waits until `duration` of monotonic time has passed. Cancel safe.
    async fn sleep(&self, duration: Duration);
}

/// The clock of the operating system.
#[derive(Debug, Clone)]
pub struct SystemClock {
    origin: std::time::Instant,
}

impl SystemClock {
    /// A clock whose monotonic time starts now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the monotonic clock"
    )]
    pub fn new() -> Self {
        Self {
            origin: std::time::Instant::now(),
        }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that reads the clock and sleeps"
)]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

/// `at + delay`, or the end of time when that would overflow.
#[must_use]
pub fn later(at: Timestamp, delay: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(delay)
        .ok()
        .and_then(|delay| at.checked_add(delay).ok())
        .unwrap_or(Timestamp::MAX)
}

/// `at - age`, or the beginning of time when that would overflow.
#[must_use]
pub fn earlier(at: Timestamp, age: Duration) -> Timestamp {
    jiff::SignedDuration::try_from(age)
        .ok()
        .and_then(|age| at.checked_sub(age).ok())
        .unwrap_or(Timestamp::MIN)
}

/// Whether a time is at or after `from` and before `before`, where these are given.
pub(crate) fn is_within(at: Timestamp, from: Option<Timestamp>, before: Option<Timestamp>) -> bool {
    from.is_none_or(|from| at >= from) && before.is_none_or(|before| at < before)
}

/// The time from `from` to `to`, or zero when `to` has passed.
#[must_use]
pub fn until(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or(Duration::ZERO)
}
