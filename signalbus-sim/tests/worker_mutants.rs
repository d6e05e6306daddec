//! Faults built into workers, each found by a story that holds without it.

#![cfg(feature = "mutants")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use serde_json::json;
use signalbus::{
    ChannelSetup, Clock as _, DeliveryId, Event, Idempotency, MemoryStore, Policy, Recipient,
    RetryPolicy, Signalbus, Store, Templates,
    channel::{Email, Sms},
    mutant::Mutant,
    provider::{Capabilities, Fault},
    store::{
        EndState, Flush, Flushed, LaneId, LaneLease, Reason, State, StoreError, StoreErrorKind,
    },
};
use signalbus_testkit::{
    Layered, PausedClock, StoreLayer,
    provider::{Play, Request, ScriptedProvider},
};

const S: Duration = Duration::from_secs(1);
const MS: Duration = Duration::from_millis(1);

/// A store whose writes take a while, and that takes no result with a text of the provider.
#[derive(Debug)]
struct Fussy {
    inner: MemoryStore,
    clock: PausedClock,
    takes: Duration,
    texts: bool,
    /// The lanes of calls on their way.
    lanes: Mutex<Vec<LaneId>>,
    /// Whether one was in two calls at once.
    twice: Arc<AtomicBool>,
}

#[async_trait]
impl StoreLayer for Fussy {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        let claims = flush.claims.iter().map(|claim| claim.lane);
        let settles = flush.settles.iter().map(|settle| settle.lane);
        let of: Vec<LaneId> = claims.chain(settles).collect();
        {
            let mut lanes = self.lanes.lock().unwrap();
            let twice = of.iter().any(|lane| lanes.contains(lane));
            self.twice.fetch_or(twice, Ordering::SeqCst);
            lanes.extend(&of);
        }
        if self.takes > Duration::ZERO {
            self.clock.sleep(self.takes).await;
        }
        self.lanes.lock().unwrap().retain(|lane| !of.contains(lane));
        if !self.texts
            && flush
                .settles
                .iter()
                .any(|settle| settle.record.detail.is_some())
        {
            return Err(StoreError::new(StoreErrorKind::Corrupt, "it has a text"));
        }
        self.inner.flush(lanes, flush).await
    }
}

struct World {
    clock: PausedClock,
    inner: MemoryStore,
    email: ScriptedProvider<Email>,
    second: ScriptedProvider<Email>,
    sms: ScriptedProvider<Sms>,
    takes: Duration,
    texts: bool,
    twice: Arc<AtomicBool>,
}

impl World {
    fn new() -> Self {
        let clock = PausedClock::default();
        let shared: Arc<dyn signalbus::Clock> = Arc::new(clock.clone());
        let many = Capabilities::default()
            .reporting_start()
            .with_concurrency(10_000);
        Self {
            inner: MemoryStore::builder().clock(Arc::clone(&shared)).build(),
            email: ScriptedProvider::new(Arc::clone(&shared)).with_capabilities(many.clone()),
            second: ScriptedProvider::new(Arc::clone(&shared)).named("second"),
            sms: ScriptedProvider::new(shared).with_capabilities(many),
            clock,
            takes: Duration::ZERO,
            texts: true,
            twice: Arc::default(),
        }
    }

    async fn start(&self, failover: bool) -> Signalbus {
        let from = Email::from("Acme <hello@acme.test>").unwrap();
        let retry = RetryPolicy::default().with_waits(S, S, S);
        let mut mail = ChannelSetup::new(from, self.email.clone()).retry(retry);
        if failover {
            mail = mail.failover(self.second.clone());
        }
        let part = |templates: Templates, part| templates.part("note", "en", part, "{{ data.n }}");
        let templates = part(Templates::new(), "subject.txt").unwrap();
        let templates = part(part(templates, "body.txt").unwrap(), "sms.txt").unwrap();
        Signalbus::builder()
            .store(Layered(Fussy {
                inner: self.inner.clone(),
                clock: self.clock.clone(),
                takes: self.takes,
                texts: self.texts,
                lanes: Mutex::default(),
                twice: Arc::clone(&self.twice),
            }))
            .clock(self.clock.clone())
            .channel_setup(mail)
            .channel(Sms::new(), self.sms.clone())
            .templates(templates)
            .policy(
                Policy::new()
                    .on::<Email>("note")
                    .on::<Sms>("code")
                    .template("code", "note"),
            )
            .start()
            .await
            .unwrap()
    }

    async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }
}

fn mail(number: usize) -> Event {
    let to = Recipient::new().email(format!("person-{number}@example.org"));
    Event::new("note", Idempotency::None)
        .to(to)
        .data(json!({ "n": number.to_string() }))
}

async fn send(bus: &Signalbus, event: Event) -> DeliveryId {
    bus.publish(event).await.unwrap().routes[0].delivery
}

async fn ended(bus: &Signalbus, id: DeliveryId) -> Option<(State, Option<Reason>)> {
    let explanation = bus
        .explain(&signalbus::TenantId::default(), id)
        .await
        .unwrap()?;
    let record = explanation.delivery;
    Some((record.state, record.reason))
}

/// Runs a story with and without a mutant.
macro_rules! found {
    ($($name:ident: $mutant:ident by $story:path;)*) => {
        $(
            #[tokio::test(start_paused = true)]
            async fn $name() {
                assert!($story().await, "without the mutant");
                Mutant::activate(Some(Mutant::$mutant));
                let holds = $story().await;
                Mutant::activate(None);
                assert!(!holds, "the mutant was not found");
            }
        )*

        #[test]
        fn no_mutant_of_workers_is_left_out() {
            assert_eq!([$(Mutant::$mutant),*], Mutant::OF_WORKERS);
        }
    };
}

found! {
    a_lane_in_two_calls: LanesMixed by in_order;
    a_suspect_that_is_never_alone: NeverAlone by the_culprit_is_found;
    a_result_that_is_left: WholeOrNothing by a_refusal_is_written;
    an_outage_that_is_none: DownAtOnce by most_of_them_fail;
    another_provider_in_doubt: ElsewhereInDoubt by a_lost_answer_stays;
    all_slots_for_one: SlotsForOne by what_hangs_leaves_slots;
}

/// Whether no lane was in two calls at once, of which the later may be done first.
async fn in_order() -> bool {
    let mut world = World::new();
    world.takes = 10 * MS;
    world.email.default(Play::accept().after(5 * MS));
    let bus = world.start(false).await;
    for number in 0..200 {
        send(&bus, mail(number)).await;
    }
    world.pass(60 * S).await;
    assert_eq!(world.email.sent().len(), 200);
    !world.twice.load(Ordering::SeqCst)
}

/// A message in whose sends the process dies, among others.
async fn the_culprit_is_found() -> bool {
    let world = World::new();
    world
        .email
        .when(|sent| sent.message.subject == "5", Play::hang());
    world.email.default(Play::accept().after(50 * MS));
    let mut bus = world.start(false).await;
    let mut ids = Vec::new();
    for number in 0..10 {
        ids.push(send(&bus, mail(number)).await);
    }
    for round in 1..12 {
        // It is never without company by chance.
        for number in 0..5 {
            send(&bus, mail(100 * round + number)).await;
        }
        world.pass(10 * MS).await;
        let culprit = world.email.books().requests_of(ids[5]);
        if culprit.iter().any(Request::is_pending) {
            drop(bus);
            world.pass(20 * S).await;
            bus = world.start(false).await;
        }
        world.pass(10 * S).await;
    }
    let dead = (State::Ended(EndState::Dead), Some(Reason::Poison));
    ended(&bus, ids[5]).await == Some(dead)
}

async fn a_refusal_is_written() -> bool {
    let mut world = World::new();
    world.texts = false;
    world.email.next([Play::permanent(Fault::Recipient)]);
    let bus = world.start(false).await;
    let id = send(&bus, mail(1)).await;
    world.pass(S).await;
    ended(&bus, id).await == Some((State::Ended(EndState::Dead), Some(Reason::Refused)))
}

async fn most_of_them_fail() -> bool {
    let world = World::new();
    // Three of four.
    let dice = |id: &DeliveryId, attempt: u32| (id.as_uuid().as_u128() >> (2 * attempt)) & 3 != 0;
    world.email.when(
        move |sent| dice(&sent.id, sent.attempt),
        Play::retryable(Fault::Provider),
    );
    let bus = world.start(false).await;
    for number in 0..500 {
        send(&bus, mail(number)).await;
    }
    world.pass(60 * S).await;
    world.email.sent().len() > 420
}

async fn a_lost_answer_stays() -> bool {
    let world = World::new();
    world.email.next([Play::cut()]);
    let bus = world.start(true).await;
    send(&bus, mail(1)).await;
    world.pass(10 * S).await;
    world.second.requests().is_empty()
}

async fn what_hangs_leaves_slots() -> bool {
    let world = World::new();
    world.email.default(Play::hang());
    let bus = world.start(false).await;
    for number in 0..2_000 {
        send(&bus, mail(number)).await;
    }
    world.pass(S).await;
    let to = Recipient::new().sms("+447700900123");
    let code = Event::new("code", Idempotency::None)
        .to(to)
        .data(json!({ "n": "1" }));
    send(&bus, code).await;
    world.pass(S).await;
    world.sms.sent().len() == 1
}
