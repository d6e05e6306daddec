use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use signalbus_core::clock::{Clock, Timestamp, later};

/// Shows tokio's time: for `#[tokio::test(start_paused = true)]`, where time stands still while
/// there is work and jumps to the next timer when all tasks wait.
///
/// Clones are the same clock. Without a paused runtime it simply runs, from the wall time it was given. Not for code that
/// waits for anything but tokio timers, such as a database: time would jump while it waits.
///
/// ```
/// use std::time::Duration;
/// use signalbus::Clock;
/// use signalbus_testkit::clock::PausedClock;
///
/// # #[tokio::main(flavor = "current_thread", start_paused = true)]
/// # async fn main() {
/// let clock = PausedClock::default();
/// clock.sleep(Duration::from_hours(72)).await; // returns at once
/// assert_eq!(clock.monotonic(), Duration::from_hours(72));
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PausedClock {
    set: Arc<Mutex<Set>>,
    origin: tokio::time::Instant,
}

/// What the wall showed when it was set, and when that was.
#[derive(Debug, Clone, Copy)]
struct Set {
    wall: Timestamp,
    monotonic: Duration,
}

impl PausedClock {
    /// A clock that shows this wall time now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "shows tokio's time, which the test has stopped"
    )]
    pub fn new(start: Timestamp) -> Self {
        Self {
            set: Arc::new(Mutex::new(Set {
                wall: start,
                monotonic: Duration::ZERO,
            })),
            origin: tokio::time::Instant::now(),
        }
    }

    /// Makes the wall clock jump, as an operator or a time server does. Monotonic time stays, and
    /// nobody wakes.
    pub fn set(&self, wall: Timestamp) {
        let monotonic = self.monotonic();
        *self.lock() = Set { wall, monotonic };
    }

    fn lock(&self) -> MutexGuard<'_, Set> {
        self.set.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for PausedClock {
    /// Starts on 1 January 2030, so that no test depends on the day it runs.
    fn default() -> Self {
        Self::new(Timestamp::constant(1_893_456_000, 0))
    }
}

#[async_trait]
impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let Set { wall, monotonic } = *self.lock();
        later(wall, self.monotonic().saturating_sub(monotonic))
    }

    fn monotonic(&self) -> Duration {
        self.origin.elapsed()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "sleeps in tokio's time, which the test has stopped"
    )]
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_jump_of_the_wall_clock_leaves_monotonic_time_alone() {
        let clock = PausedClock::default();
        let start = clock.now();
        let minute = Duration::from_mins(1);
        clock.sleep(minute).await;
        clock.clone().set(start);
        assert_eq!(clock.now(), start);
        assert_eq!(clock.monotonic(), minute);
        clock.sleep(minute).await;
        assert_eq!(clock.now(), later(start, minute));
        assert_eq!(clock.monotonic(), 2 * minute);
    }
}
