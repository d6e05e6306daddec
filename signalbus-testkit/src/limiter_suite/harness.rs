use std::{sync::Arc, time::Duration};

use signalbus_core::{
    Entropy, Limiter, TenantId,
    id::IdSource,
    limit::{Ask, Limit, LimitKey, Slots},
};

use crate::clock::ManualClock;

/// One hour: much longer than any case takes.
pub(super) const HOUR: Duration = Duration::from_secs(3_600);

/// What a case works with: a limiter, and keys that nobody used before.
#[derive(Debug, Clone)]
pub struct Harness {
    /// The limiter.
    pub limiter: Arc<dyn Limiter>,
    ids: IdSource,
}

impl Harness {
    /// How long anything may take before the case fails. Real time: a limiter may be another
    /// process.
    pub const PATIENCE: Duration = Duration::from_secs(30);

    /// For a case on a runtime of your own; otherwise see [`run`](super::run).
    pub fn new(limiter: impl Limiter) -> Self {
        Self {
            limiter: Arc::new(limiter),
            ids: IdSource::new(
                Arc::new(ManualClock::default()),
                Arc::new(Entropy::from_os()),
            ),
        }
    }

    /// A key that nobody used before.
    #[must_use]
    pub fn key(&self) -> LimitKey {
        let name = format!("suite-{}", self.ids.event());
        LimitKey::tenant(&TenantId::new(name).unwrap())
    }

    /// One unit each hour, and so many at once.
    #[must_use]
    pub fn hourly(&self, burst: u32) -> Limit {
        Limit::per(1, HOUR).with_burst(burst)
    }

    /// Asks for several.
    pub async fn take(&self, asks: Vec<Ask>) -> Vec<Slots> {
        in_time(self.limiter.take(asks)).await.unwrap()
    }

    /// Asks for one.
    pub async fn ask(&self, ask: Ask) -> Slots {
        let slots = self.take(vec![ask]).await;
        assert_eq!(slots.len(), 1);
        slots[0]
    }
}

/// Whether it is so many hours, less what the case took.
pub(super) fn is_about(wait: Duration, hours: u32) -> bool {
    let whole = HOUR * hours;
    wait <= whole && wait + Duration::from_secs(600) > whole
}

#[expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    reason = "a limiter may be another process, which no test clock moves"
)]
pub(super) async fn in_time<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(Harness::PATIENCE, work)
        .await
        .expect("it happened in time")
}
