//! Reading a bus of partitions and offsets. The partitions are lanes of a space of leases, so that
//! the members of a group share them out; the store keeps how far each was read, and that is the
//! fence: who stores events of a partition that another has read on changes nothing.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    time::Duration,
};

use tokio::sync::watch;

use super::{
    BATCH, Failure, Link, PAUSE, Phase,
    intake::{Item, Taken},
    metrics,
};
use crate::{
    builder::WhenGone,
    bus::{Batch, Offset, Partition, Place, Start, Subscription, Trouble, TroubleKind},
    chain::Chain,
    id::WorkerId,
    mutant::Mutant,
    store::{
        BusAdvance, BusPosition, LaneHolding, LaneId, LaneRequest, Space, StoreError,
        StoreErrorKind,
    },
};

/// How often the number of partitions is asked for.
const COUNT: Duration = Duration::from_secs(60);

pub(super) struct Positioned {
    link: Link,
    worker: WorkerId,
    /// The partitions of the topic, when they were last counted.
    partitions: u16,
    next_count: Duration,
    next_renew: Duration,
    next_report: Duration,
    /// The partitions that are ours, and their lanes.
    ours: BTreeMap<u32, LaneId>,
    /// Those of them that are not read on.
    held: BTreeSet<u32>,
    /// How far each of ours is stored.
    stored: BTreeMap<u32, u64>,
    /// Whether the subscription reads what is ours.
    assigned: bool,
}

impl Positioned {
    pub(super) fn new(link: Link) -> Self {
        let now = link.now();
        Self {
            worker: link.shared.planner.ids.worker(),
            link,
            partitions: 0,
            next_count: now,
            next_renew: now,
            next_report: now,
            ours: BTreeMap::new(),
            held: BTreeSet::new(),
            stored: BTreeMap::new(),
            assigned: false,
        }
    }

    /// Reads until told to leave, and gives the partitions up: nothing of them is in flight then.
    pub(super) async fn run(mut self, mut phase: watch::Receiver<Phase>) {
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase != Phase::Running) => {}
            () = self.read() => {}
        }
        let all = self.ours.values().copied().collect();
        if let Err(error) = self.hold(Vec::new(), all).await {
            tracing::warn!(error = %Chain(&error), "partitions were not given up; they lapse with their leases");
        }
    }

    async fn read(&mut self) {
        loop {
            self.assigned = false;
            let Err(error) = self.consume().await;
            self.link.rest(&error).await;
        }
    }

    async fn consume(&mut self) -> Result<Infallible, Failure> {
        let bus = &self.link.setup.bus;
        let mut subscription = bus.subscribe(self.link.topic(), &self.link.group).await?;
        loop {
            let now = self.link.now();
            if now >= self.next_renew {
                self.renew_or_wait(now).await;
            }
            if !self.assigned {
                self.assign(&mut *subscription).await?;
            }
            self.link
                .report(&mut self.next_report, &mut *subscription)
                .await?;
            let pause = self.next_renew.min(self.next_report).saturating_sub(now);
            let batch = tokio::select! {
                biased;
                batch = subscription.next(BATCH) => batch?,
                () = self.link.shared.clock.sleep(pause) => continue,
            };
            match self.take(&mut *subscription, batch).await {
                Err(error) if is_stale(&*error) => {
                    tracing::info!("another member read on; looking where the store stands");
                    self.stored.clear();
                    self.assigned = false;
                    // Until the leases say whose it is.
                    self.next_renew = self.link.now();
                }
                other => other?,
            }
        }
    }

    /// What is ours stays ours until its leases end, and the store is the fence.
    async fn renew_or_wait(&mut self, now: Duration) {
        if let Err(error) = self.renew(now).await {
            tracing::warn!(error = %Chain(&*error), "leases of partitions could not be renewed; trying again");
            self.next_renew = now + PAUSE;
        }
    }

    /// Renews the leases, and gives up what others should have: between two batches nothing is in
    /// flight.
    async fn renew(&mut self, now: Duration) -> Result<(), Failure> {
        if now >= self.next_count {
            let count = self.link.setup.bus.partitions(self.link.topic()).await?;
            self.partitions = u16::try_from(count)
                .map_err(|_| format!("a topic may have {} partitions at most", u16::MAX))?;
            self.next_count = now + COUNT;
        }
        self.next_renew = now + self.link.shared.options.renew;
        let space = Space::bus(
            self.link.bus(),
            &self.link.group,
            self.link.topic(),
            self.partitions,
        );
        let mut holding = self.hold(vec![space.clone()], Vec::new()).await?;
        if !holding.surplus.is_empty() {
            let surplus = std::mem::take(&mut holding.surplus);
            holding = self.hold(vec![space], surplus).await?;
        }
        let lanes = holding.leases.iter().map(|lease| lease.lane);
        let ours: BTreeMap<u32, LaneId> =
            lanes.map(|lane| (u32::from(lane.number()), lane)).collect();
        if !ours.keys().eq(self.ours.keys()) {
            let partitions: Vec<u32> = ours.keys().copied().collect();
            tracing::info!(
                bus = self.link.bus(),
                topic = self.link.topic(),
                ?partitions,
                "partitions changed hands"
            );
            metrics::rebalanced(&self.link);
            self.held.retain(|partition| ours.contains_key(partition));
            metrics::held(&self.link, self.held.len());
            self.stored
                .retain(|partition, _| ours.contains_key(partition));
            self.assigned = false;
        }
        self.ours = ours;
        if self.ours.is_empty() {
            // Others let go when they renew.
            self.next_renew = self.next_renew.min(now + PAUSE);
        }
        Ok(())
    }

    async fn hold(
        &self,
        spaces: Vec<Space>,
        release: Vec<LaneId>,
    ) -> Result<LaneHolding, StoreError> {
        let request = LaneRequest {
            worker: self.worker,
            lease: self.link.shared.options.lease,
            spaces,
            release,
        };
        self.link.shared.store.hold_lanes(request).await
    }

    /// Has the subscription read what is ours, from where the store stands.
    async fn assign(&mut self, subscription: &mut dyn Subscription) -> Result<(), Failure> {
        let (bus, group) = (self.link.bus(), &self.link.group);
        let positions = self.link.shared.store.bus_positions(bus, group).await?;
        let positions = positions
            .into_iter()
            .filter(|position| position.topic == self.link.topic());
        let positions: BTreeMap<u32, u64> = positions
            .map(|position| (position.partition, position.next))
            .collect();
        let mut partitions = Vec::new();
        let mut from_the_start = Vec::new();
        for partition in self.ours.keys().copied() {
            if self.held.contains(&partition) {
                continue;
            }
            let start = match positions.get(&partition) {
                Some(next) => Start::Offset(*next),
                None => {
                    from_the_start.push(partition);
                    self.link.setup.start
                }
            };
            let moved = self.stored.get(&partition) != positions.get(&partition);
            partitions.push((Partition { partition, start }, moved));
        }
        // What goes on where it is stays assigned; the rest starts where the store stands.
        let stay = partitions.iter().filter(|(_, moved)| !moved);
        let stay = stay.map(|(partition, _)| *partition).collect();
        let mut started = subscription.assign(stay).await?;
        let all = partitions.into_iter().map(|(partition, _)| partition);
        started.extend(subscription.assign(all.collect()).await?);
        self.stored = positions;
        self.stored
            .retain(|partition, _| self.ours.contains_key(partition));
        self.assigned = true;
        if self.link.setup.start != Start::Earliest {
            // Where it begins is found out once: what is published meanwhile is not to be missed
            // when this process ends before it read anything.
            let begun = started
                .into_iter()
                .filter(|offset| from_the_start.contains(&offset.partition));
            self.advance(begun.collect()).await?;
        }
        Ok(())
    }

    /// Stores places without events.
    async fn advance(&mut self, offsets: Vec<Offset>) -> Result<(), Failure> {
        if !offsets.is_empty() {
            let advance = self.advances(&offsets);
            self.link.store(Vec::new(), Vec::new(), advance).await?;
            self.remember(&offsets);
        }
        Ok(())
    }

    async fn take(
        &mut self,
        subscription: &mut dyn Subscription,
        batch: Batch,
    ) -> Result<(), Failure> {
        let mut items = Vec::with_capacity(batch.delivered.len());
        let mut rejections = Vec::new();
        let mut reached = BTreeMap::<u32, u64>::new();
        let mut draft = Vec::new();
        for delivered in batch.delivered {
            let Place::Offset(Offset { partition, next }) = delivered.place else {
                continue;
            };
            let behind = |stored: &u64| next <= *stored;
            if self.stored.get(&partition).is_some_and(behind) || self.held.contains(&partition) {
                continue;
            }
            match self.link.read(&delivered, &mut draft) {
                Taken::Event(event) => items.push(Item {
                    event: *event,
                    from: delivered,
                }),
                Taken::Rejected(event) => rejections.push(*event),
                Taken::Newer(version) => {
                    self.link.tell_newer(&delivered.place, version);
                    self.stop(partition);
                    continue;
                }
            }
            reached.insert(partition, next);
        }
        let offsets: Vec<Offset> = reached
            .into_iter()
            .map(|(partition, next)| Offset { partition, next })
            .collect();
        let places: Vec<Place> = offsets.iter().copied().map(Place::Offset).collect();
        if Mutant::AckBeforeCommit.is_active() {
            subscription.ack(places.clone()).await?;
        }
        if !offsets.is_empty() {
            let advance = self.advances(&offsets);
            let took = self.link.store(items, rejections, advance).await?;
            self.remember(&offsets);
            subscription.stored_in(took);
            subscription.ack(places).await?;
        }
        for trouble in batch.troubles {
            self.trouble(trouble).await?;
        }
        Ok(())
    }

    /// A partition cannot be read on.
    async fn trouble(&mut self, trouble: Trouble) -> Result<(), Failure> {
        let Trouble {
            partition,
            at,
            kind,
        } = trouble;
        let (bus, topic) = (self.link.bus(), self.link.topic());
        let next = match kind {
            TroubleKind::Gone { earliest, latest } => {
                metrics::gone(&self.link);
                let rule = self.link.setup.when_gone;
                tracing::error!(
                    bus,
                    topic,
                    partition,
                    at,
                    earliest,
                    latest,
                    ?rule,
                    "what should be read next is not there any more: it was deleted before it was \
                     read, or the topic was made anew"
                );
                match rule {
                    WhenGone::Earliest => Some(earliest),
                    WhenGone::Latest => Some(latest),
                    WhenGone::Stop => None,
                }
            }
            TroubleKind::Unreadable(why) => {
                tracing::error!(
                    bus,
                    topic,
                    partition,
                    at,
                    why,
                    "a partition cannot be read on"
                );
                None
            }
            other => {
                tracing::error!(
                    bus,
                    topic,
                    partition,
                    at,
                    ?other,
                    "a partition cannot be read on"
                );
                None
            }
        };
        match next {
            Some(next) => {
                self.advance(vec![Offset { partition, next }]).await?;
                // Known, but not as where the subscription is: it starts anew there.
                self.stored.remove(&partition);
            }
            None => self.stop(partition),
        }
        self.assigned = false;
        Ok(())
    }

    /// Reads nothing more of a partition while it is ours.
    fn stop(&mut self, partition: u32) {
        self.held.insert(partition);
        metrics::held(&self.link, self.held.len());
        self.assigned = false;
    }

    fn advances(&self, offsets: &[Offset]) -> Vec<BusAdvance> {
        let advance = |Offset { partition, next }: &Offset| BusAdvance {
            expected: self.stored.get(partition).copied().unwrap_or(0),
            position: BusPosition {
                bus: self.link.bus().to_owned(),
                group: self.link.group.clone(),
                topic: self.link.topic().to_owned(),
                partition: *partition,
                next: *next,
            },
        };
        offsets.iter().map(advance).collect()
    }

    fn remember(&mut self, offsets: &[Offset]) {
        let stored = offsets.iter().map(|offset| (offset.partition, offset.next));
        self.stored.extend(stored);
    }
}

fn is_stale(error: &(dyn std::error::Error + Send + Sync + 'static)) -> bool {
    error
        .downcast_ref::<StoreError>()
        .is_some_and(|error| error.kind() == StoreErrorKind::StalePosition)
}
