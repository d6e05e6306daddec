use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use jiff::SignedDuration;
use signalbus::{Clock, Timestamp};

use super::gate::Gate;
use signalbus_testkit::PausedClock;

/// What the wall clock shows when a run begins: 1 January 2030.
pub(super) const BEGINNING: Timestamp = Timestamp::constant(1_893_456_000, 0);

/// The world's time. Its wall clock jumps when told to.
#[derive(Debug, Clone)]
pub(super) struct WorldClock {
    time: PausedClock,
    ahead: Arc<AtomicI64>,
    /// All jumps back together, in milliseconds.
    back: Arc<AtomicU64>,
}

impl WorldClock {
    pub(super) fn new() -> Self {
        Self {
            time: PausedClock::new(BEGINNING),
            ahead: Arc::default(),
            back: Arc::default(),
        }
    }

    pub(super) fn jump(&self, millis: i64) {
        self.ahead.fetch_add(millis, Ordering::SeqCst);
        if millis < 0 {
            self.back.fetch_add(millis.unsigned_abs(), Ordering::SeqCst);
        }
    }

    /// How much later it is than the wall may show.
    pub(super) fn set_back(&self) -> Duration {
        Duration::from_millis(self.back.load(Ordering::SeqCst))
    }
}

#[async_trait]
impl Clock for WorldClock {
    fn now(&self) -> Timestamp {
        let ahead = SignedDuration::from_millis(self.ahead.load(Ordering::SeqCst));
        let now = self.time.now();
        now.checked_add(ahead).unwrap_or(now)
    }

    fn monotonic(&self) -> Duration {
        self.time.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.time.sleep(duration).await;
    }
}

/// The same time as one worker sees it: whoever stands still does not wake.
#[derive(Debug, Clone)]
pub(super) struct WorkerClock {
    pub(super) world: WorldClock,
    pub(super) gate: Arc<Gate>,
}

#[async_trait]
impl Clock for WorkerClock {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn monotonic(&self) -> Duration {
        self.world.monotonic()
    }

    async fn sleep(&self, duration: Duration) {
        self.world.sleep(duration).await;
        self.gate.pass().await;
    }
}
