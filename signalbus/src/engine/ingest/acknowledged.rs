//! Reading a bus that hands out envelopes and forgets what is acknowledged.

use std::{collections::BTreeSet, convert::Infallible, time::Duration};

use tokio::sync::watch;

use super::{
    BATCH, Failure, Link, Phase,
    intake::{Item, Taken},
    metrics,
};
use crate::{
    bus::{Delivered, Place, Subscription},
    mutant::Mutant,
};

pub(super) struct Acknowledged {
    link: Link,
    next_report: Duration,
    /// Envelopes that wait for a newer version; they are handed out again and again.
    held: BTreeSet<Place>,
}

impl Acknowledged {
    pub(super) fn new(link: Link) -> Self {
        Self {
            next_report: link.now(),
            link,
            held: BTreeSet::new(),
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
            let Err(error) = self.consume().await;
            self.link.rest(&error).await;
        }
    }

    async fn consume(&mut self) -> Result<Infallible, Failure> {
        let bus = &self.link.setup.bus;
        let mut subscription = bus.subscribe(self.link.topic(), &self.link.group).await?;
        loop {
            let now = self.link.now();
            self.link
                .report(&mut self.next_report, &mut *subscription)
                .await?;
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
                    if self.held.insert(delivered.place.clone()) {
                        self.link.tell_newer(&delivered.place, version);
                        metrics::held(&self.link, self.held.len());
                    }
                }
            }
        }
        if places.is_empty() {
            return Ok(());
        }
        if Mutant::AckBeforeCommit.is_active() {
            subscription.ack(places.clone()).await?;
        }
        let took = self.link.store(items, rejections, Vec::new()).await?;
        subscription.stored_in(took);
        Ok(subscription.ack(places).await?)
    }
}
