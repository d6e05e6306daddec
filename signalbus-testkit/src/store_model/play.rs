//! Tells a story to a store and to the reference, and compares.

use std::{fmt::Debug, rc::Rc, sync::Arc, time::Duration};

use signalbus_core::{
    Clock, DeliveryId, EventId, Store, TenantId, Timestamp,
    store::{DeliveryFilter, PageToken, StoreError},
};

use super::{
    Report,
    hand::Hand,
    reference::Reference,
    story::{Step, TENANTS, WORKERS},
    trouble::{Begin, Troubled},
    words,
};
use crate::{
    Layered,
    store_suite::{Harness, LANES, Worker, harness::Opener, tenant},
};

/// What stories are told of.
pub(super) struct World {
    pub(super) open: Rc<Opener>,
    pub(super) trouble: Option<Arc<Begin>>,
}

/// What is wrong, if anything is.
pub(super) type Verdict = Result<(), String>;

/// One story in the making.
pub(super) struct Play<'r> {
    pub(super) harness: Harness,
    pub(super) store: Arc<dyn Store>,
    trouble: Option<Troubled>,
    pub(super) reference: Reference,
    pub(super) hands: Vec<Hand>,
    /// All events that were ever accepted, or tried to be.
    pub(super) sent: Vec<signalbus_core::store::NewEvent>,
    /// All deliveries there ever were.
    pub(super) born: Vec<Born>,
    /// The id of a delivery that a receipt named before it was accepted.
    pub(super) reserved: Option<DeliveryId>,
    pub(super) report: &'r mut Report,
    story: Vec<String>,
}

#[derive(Debug, Clone)]
pub(super) struct Born {
    pub(super) tenant: TenantId,
    pub(super) id: DeliveryId,
    pub(super) event: EventId,
}

impl<'r> Play<'r> {
    pub(super) async fn new(world: &World, report: &'r mut Report) -> Self {
        let harness = Harness::new(Rc::clone(&world.open)).await;
        let workers = (0..WORKERS).map(|_| Hand::new(Worker::new(&harness)));
        let trouble = world
            .trouble
            .as_ref()
            .map(|begin| Troubled::new(harness.store(), harness.folder(), Arc::clone(begin)));
        let way = |troubled: &Troubled| Arc::new(Layered(troubled.clone())) as Arc<dyn Store>;
        Self {
            store: trouble.as_ref().map_or_else(|| harness.store(), way),
            trouble,
            reference: Reference::new(LANES, harness.now()),
            hands: workers.collect(),
            sent: Vec::new(),
            born: Vec::new(),
            reserved: None,
            report,
            story: Vec::new(),
            harness,
        }
    }

    /// What trouble there was.
    pub(super) fn refused(&self) -> u64 {
        self.trouble.as_ref().map_or(0, Troubled::refused)
    }

    pub(super) fn into_story(self) -> Vec<String> {
        self.story
    }

    pub(super) async fn tell(&mut self, story: &[Step]) -> Verdict {
        for (number, step) in (1..).zip(story) {
            self.story.push(format!("{number:>3}. {step}"));
            self.reference.now = self.harness.clock.now();
            self.reference.monotonic = self.harness.clock.monotonic();
            self.step(step).await?;
            self.reference.forget_secrets();
            self.look_at_all().await?;
        }
        self.look_closely().await
    }

    async fn step(&mut self, step: &Step) -> Verdict {
        match step {
            Step::Accept(events, advance) => self.accept(events, *advance).await,
            Step::Hold {
                worker,
                wants,
                release,
            } => self.hold(*worker, wants, *release).await,
            Step::Fetch { worker, look } => self.fetch(*worker, look).await,
            Step::Flush {
                worker,
                claims,
                settles,
            } => {
                let flush = self.flush_of(*worker, claims, settles);
                let leases = self.hands[*worker].worker.leases.clone();
                self.flush(*worker, leases, flush).await
            }
            Step::Send { worker, afters } => self.send(*worker, afters).await,
            Step::FlushAgain { worker } => match self.hands[*worker].last.clone() {
                Some((leases, flush)) => self.flush(*worker, leases, flush).await,
                None => Ok(()),
            },
            Step::Receipts(said) => self.receipts(said).await,
            Step::Cancel {
                whole_event,
                which,
                foreign,
            } => self.cancel(*whole_event, *which, *foreign).await,
            Step::Redrive(again) => self.redrive(again).await,
            Step::Suppress(tenant, person, channel) => {
                self.suppress(*tenant, *person, *channel).await
            }
            Step::Unsuppress(tenant, person, channel) => {
                self.unsuppress(*tenant, *person, *channel).await
            }
            Step::Erase(tenant, person, channel) => self.erase(*tenant, *person, *channel).await,
            Step::Pause(what) => self.pause(*what).await,
            Step::Resume(what) => self.resume(*what).await,
            Step::Release(limit) => self.release(*limit).await,
            Step::Purge { age, limit } => self.purge(*age, *limit).await,
            Step::Advance(step) => {
                self.harness.clock.advance(*step);
                Ok(())
            }
            Step::Trouble => {
                if let Some(trouble) = &self.trouble {
                    trouble.expect();
                }
                Ok(())
            }
            Step::Rewind(jump) => {
                let back = self.harness.now() - *jump;
                self.harness.clock.set(back);
                self.reference.rewound = true;
                // Whoever reads work sees that the clock went back.
                let window = crate::store_suite::everything();
                self.store.fetch(&[], window).await.map_err(failed)?;
                self.reference.now = back;
                self.reference.rewind();
                Ok(())
            }
        }
    }

    /// The store's time, so long from now.
    pub(super) fn after(&self, delay: Duration) -> Timestamp {
        precise(self.harness.after(delay))
    }

    /// Adds to the line of this step.
    pub(super) fn say(&mut self, what: &str) {
        if let Some(line) = self.story.last_mut() {
            line.push_str("\n       ");
            line.push_str(what);
        }
    }

    /// A short name for a delivery.
    pub(super) fn name(&self, id: DeliveryId) -> String {
        match self.born.iter().position(|born| born.id == id) {
            Some(number) => format!("d{number}"),
            None => id.to_string(),
        }
    }

    /// Compares all deliveries and their counts, and learns the positions of new ones.
    async fn look_at_all(&mut self) -> Verdict {
        let filter = DeliveryFilter::new();
        let mut listed = Vec::new();
        let mut page = Some(PageToken::first(25));
        while let Some(token) = page {
            let read = self.store.list(&filter, token).await.map_err(failed)?;
            listed.extend(read.items);
            page = read.next;
        }
        let expected = &mut self.reference.deliveries;
        if listed.len() != expected.len() {
            return Err(format!(
                "{} deliveries are listed of {}",
                listed.len(),
                expected.len()
            ));
        }
        let mut last = None;
        for (told, expected) in listed.iter().zip(expected) {
            expected.position.get_or_insert(told.position);
            same("a delivery", &Some(told), &expected.record().as_ref())?;
            if last >= Some(told.position) {
                return Err(format!("the position of {} does not rise", told.id));
            }
            last = Some(told.position);
        }
        let mut told = self.store.tally(&filter).await.map_err(failed)?;
        let mut counts = self.reference.tally();
        told.sort_by_key(|tally| format!("{tally:?}"));
        counts.sort_by_key(|tally| format!("{tally:?}"));
        same("the counts", &told, &counts)
    }

    /// Compares events, histories and positions on the bus; nobody sees another tenant's.
    async fn look_closely(&mut self) -> Verdict {
        for born in &self.born {
            for name in TENANTS {
                let asks = tenant(name);
                let known = self.reference.find(born.id);
                let known = known.filter(|delivery| delivery.tenant == asks);
                let told = self.store.delivery(&asks, born.id).await.map_err(failed)?;
                same("a delivery", &told, &known.and_then(|one| one.record()))?;
                let told = self.store.history(&asks, born.id).await.map_err(failed)?;
                let expected = known.map(|one| one.history.clone()).unwrap_or_default();
                same("a history", &told, &expected)?;
            }
            self.look_at_event(born).await?;
        }
        let mut told = Vec::new();
        for position in self
            .store
            .bus_positions("bus", "group")
            .await
            .map_err(failed)?
        {
            let place = (
                position.bus,
                position.group,
                position.topic,
                position.partition,
            );
            told.push((place, position.next));
        }
        told.sort_unstable();
        let expected: Vec<_> = self.reference.bus_positions().clone().into_iter().collect();
        same("the positions on the bus", &told, &expected)
    }

    async fn look_at_event(&self, born: &Born) -> Verdict {
        let told = self
            .store
            .event(&born.tenant, born.event)
            .await
            .map_err(failed)?;
        let records = |event| {
            let deliveries = self.reference.deliveries.iter();
            let of_event = deliveries.filter(move |one| one.event == event);
            let records: Vec<_> = of_event.filter_map(|one| one.record()).collect();
            format!("{records:?}")
        };
        let told = told.map(|told| {
            let deliveries = format!("{:?}", told.deliveries);
            (words::stored(&told.event), deliveries)
        });
        let expected = self.reference.stored(born.event);
        let expected = expected.map(|stored| (words::stored(&stored), records(born.event)));
        same("an event", &told, &expected)
    }
}

/// As precise as stores keep times: the end of time has nanoseconds.
pub(super) fn precise(at: Timestamp) -> Timestamp {
    let micros = at.subsec_nanosecond() / 1_000 * 1_000;
    Timestamp::new(at.as_second(), micros).unwrap_or(at)
}

/// Compares by what is shown.
pub(super) fn same<T: Debug>(what: &str, told: &T, expected: &T) -> Verdict {
    let (told, expected) = (format!("{told:?}"), format!("{expected:?}"));
    if told == expected {
        return Ok(());
    }
    Err(format!(
        "{what} differs\n     store: {told}\n     model: {expected}"
    ))
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that `map_err` takes"
)]
pub(super) fn failed(error: StoreError) -> String {
    format!("the store failed: {error} ({:?})", error.kind())
}
