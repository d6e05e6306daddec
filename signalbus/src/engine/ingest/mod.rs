//! From a bus into the store. Whatever fails in between is read again, and known again.

mod acknowledged;
mod intake;
mod letters;
mod metrics;
mod positioned;
mod reject;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

pub(crate) use reject::rejected_payload;

use self::{acknowledged::Acknowledged, positioned::Positioned};
use super::{Shared, worker::Phase};
use crate::{
    builder::BusSetup,
    bus::{BusKind, Subscription},
    chain::Chain,
};

/// Envelopes stored in one transaction.
const BATCH: usize = 500;

/// How long to wait before reading starts over.
const PAUSE: Duration = Duration::from_secs(1);

/// How often lag is asked for.
const REPORT: Duration = Duration::from_secs(15);

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// One topic, read as one group.
#[derive(Clone)]
struct Link {
    shared: Arc<Shared>,
    setup: BusSetup,
    group: String,
}

/// Reads one topic of a bus as one group, until told to leave.
pub(crate) async fn run(
    shared: Arc<Shared>,
    setup: BusSetup,
    group: String,
    phase: watch::Receiver<Phase>,
) {
    let link = Link {
        shared,
        setup,
        group,
    };
    metrics::describe();
    match link.setup.bus.kind() {
        BusKind::Positioned => Positioned::new(link).run(phase).await,
        BusKind::Acknowledged => Acknowledged::new(link).run(phase).await,
    }
}

impl Link {
    fn bus(&self) -> &str {
        self.setup.bus.name()
    }

    fn topic(&self) -> &str {
        self.setup.topic.as_str()
    }

    fn now(&self) -> Duration {
        self.shared.clock.monotonic()
    }

    /// Says why reading failed, and waits before it starts over.
    async fn rest(&self, error: &Failure) {
        tracing::warn!(error = %Chain(&**error), bus = self.bus(), "reading starts over");
        self.shared.clock.sleep(PAUSE).await;
    }

    /// Exports the lag when it is time, and sets when it is next.
    async fn report(
        &self,
        next: &mut Duration,
        subscription: &mut dyn Subscription,
    ) -> Result<(), Failure> {
        let now = self.now();
        if now >= *next {
            *next = now + REPORT;
            for lag in subscription.lag().await? {
                metrics::lag(self, lag);
            }
        }
        Ok(())
    }
}

#[cfg(all(test, feature = "sms"))]
mod tests;
