//! A clock that is wrong.

use std::time::Duration;

use async_trait::async_trait;
use signalbus::{Clock, SystemClock, Timestamp};

/// The variable that says by how many seconds the clock of a host is wrong.
pub(crate) const SKEW: &str = "SIGNALBUS_CHAOS_SKEW";

/// The clock of the system, so many seconds ahead or behind.
#[derive(Debug)]
pub(crate) struct Skewed {
    clock: SystemClock,
    seconds: i64,
}

impl Skewed {
    /// As this process was told.
    pub(crate) fn as_told() -> Self {
        let told = std::env::var(SKEW).ok().and_then(|told| told.parse().ok());
        Self {
            clock: SystemClock::new(),
            seconds: told.unwrap_or(0),
        }
    }
}

#[async_trait]
impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        let skew = jiff::SignedDuration::from_secs(self.seconds);
        self.clock.now().checked_add(skew).unwrap_or(Timestamp::MAX)
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.clock.sleep(duration).await;
    }
}
