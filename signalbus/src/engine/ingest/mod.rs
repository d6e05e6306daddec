//! From a bus into the store. Whatever fails in between is read again, and known again.

mod acknowledged;
mod intake;
mod metrics;
mod positioned;
mod reject;

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

pub(crate) use reject::rejected_payload;

use self::{acknowledged::Acknowledged, positioned::Positioned};
use super::{Shared, worker::Phase};
use crate::{builder::BusSetup, bus::BusKind};

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
}

#[cfg(all(test, feature = "sms"))]
mod tests;
