use std::time::Duration;

use async_trait::async_trait;
use signalbus::clock::{Clock, Timestamp, later};

/// Shows tokio's time: for `#[tokio::test(start_paused = true)]`, where time stands still while
/// there is work and jumps to the next timer when all tasks wait.
///
/// Without a paused runtime it simply runs, from the wall time it was given. Not for code that
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
    start: Timestamp,
    origin: tokio::time::Instant,
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
            start,
            origin: tokio::time::Instant::now(),
        }
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
        later(self.start, self.monotonic())
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
