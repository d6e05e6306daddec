//! Reading a bus that hands out envelopes and forgets what is acknowledged.

use std::time::Duration;

use tokio::sync::watch;

use super::{
    BATCH, Failure, Link, PAUSE, Phase, REPORT,
    intake::{Item, Taken},
    metrics,
};
use crate::{
    bus::{Delivered, Place, Subscription},
    chain::Chain,
    mutant::Mutant,
};

pub(super) struct Acknowledged {
    link: Link,
    next_report: Duration,
    /// Envelopes that wait for a newer version.
    held: usize,
}

impl Acknowledged {
    pub(super) fn new(link: Link) -> Self {
        Self {
            next_report: link.now(),
            link,
            held: 0,
        }
    }

    /// Reads until told to leave. What is being stored then is handed out again, and known again.
    pub(super) async fn run(mut self, mut phase: watch::Receiver<Phase>) {
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase != Phase::Running) => {}
            () = self.read() => {}
        }
    }

    async fn read(&mut self) {
        loop {
            let error = match self.consume().await {
                Ok(()) => continue,
                Err(error) => error,
            };
            let bus = self.link.bus();
            tracing::warn!(error = %Chain(&*error), bus, "reading starts over");
            self.link.shared.clock.sleep(PAUSE).await;
        }
    }

    async fn consume(&mut self) -> Result<(), Failure> {
        let bus = &self.link.setup.bus;
        let mut subscription = bus.subscribe(self.link.topic(), &self.link.group).await?;
        loop {
            let now = self.link.now();
            if now >= self.next_report {
                self.next_report = now + REPORT;
                for lag in subscription.lag().await? {
                    metrics::lag(&self.link, lag);
                }
            }
            let report = self.next_report.saturating_sub(now);
            let batch = tokio::select! {
                biased;
                batch = subscription.next(BATCH) => batch?,
                () = self.link.shared.clock.sleep(report) => continue,
            };
            self.take(&mut *subscription, batch.delivered).await?;
        }
    }

    async fn take(
        &mut self,
        subscription: &mut dyn Subscription,
        batch: Vec<Delivered>,
    ) -> Result<(), Failure> {
        let mut items = Vec::with_capacity(batch.len());
        let mut rejections = Vec::new();
        let mut places: Vec<Place> = Vec::with_capacity(batch.len());
        let mut draft = Vec::new();
        for delivered in batch {
            match self.link.read(&delivered, &mut draft) {
                Taken::Event(event) => {
                    places.push(delivered.place.clone());
                    items.push(Item {
                        event: *event,
                        from: delivered,
                    });
                }
                Taken::Rejected(event) => {
                    places.push(delivered.place);
                    rejections.push(*event);
                }
                Taken::Newer(version) => {
                    self.link.tell_newer(&delivered.place, version);
                    self.held += 1;
                    metrics::held(&self.link, self.held);
                }
            }
        }
        if places.is_empty() {
            return Ok(());
        }
        if Mutant::AckBeforeCommit.is_active() {
            subscription.ack(places.clone()).await?;
        }
        self.link.store(items, rejections, Vec::new()).await?;
        Ok(subscription.ack(places).await?)
    }
}
