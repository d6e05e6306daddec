//! One store, its engines, and providers that follow a script.

mod look;
mod ping;
mod providers;
mod store;
mod watch;

pub(crate) use look::{
    assert_ended, assert_waiting, attempts, delivery, history, reasons, seconds, subjects,
};
pub(crate) use ping::{Ping, ping};
pub(crate) use providers::{Mistaken, Unreachable};
pub(crate) use store::{Call, Fails, TestStore};
pub(crate) use watch::{logged, metered};

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use signalbus::{
    Builder, ChannelSetup, Clock, DeliveryId, Entropy, Event, Idempotency, MemoryStore, Policy,
    Published, Recipient, RetryPolicy, Signalbus, Store, Templates, TenantId, Timestamp, Verdict,
    channel::{Email, Sms},
    clock::later,
};
use signalbus_testkit::{Layered, PausedClock, provider::ScriptedProvider};

pub(crate) const ZERO: Duration = Duration::ZERO;
pub(crate) const S: Duration = Duration::from_secs(1);
pub(crate) const MINUTE: Duration = Duration::from_secs(60);

/// Everything around the engine. Time stands at zero when it is made.
pub(crate) struct World {
    pub(crate) clock: PausedClock,
    pub(crate) store: Arc<dyn Store>,
    pub(crate) email: ScriptedProvider<Email>,
    pub(crate) sms: ScriptedProvider<Sms>,
    /// One for each engine: the same would give them the same ids.
    seeds: Arc<AtomicU64>,
}

impl World {
    pub(crate) fn new() -> Self {
        let clock = PausedClock::default();
        let store = in_memory(&clock);
        Self::around(clock, store)
    }

    /// With a store that fails when it is told to.
    pub(crate) fn with_test_store() -> (Self, TestStore) {
        let clock = PausedClock::default();
        let store = TestStore::new(in_memory(&clock));
        (Self::around(clock, Layered(store.clone())), store)
    }

    /// With a store that may be used for messages that are sent at most once.
    pub(crate) fn durable() -> Self {
        Self::with_test_store().0
    }

    fn around(clock: PausedClock, store: impl Store) -> Self {
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        Self {
            store: Arc::new(store),
            email: ScriptedProvider::new(Arc::clone(&shared)).named("mail"),
            sms: ScriptedProvider::new(shared).named("text"),
            seeds: Arc::default(),
            clock,
        }
    }

    /// The same store and clock, with providers of its own.
    pub(crate) fn beside(&self) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        Self {
            clock: self.clock.clone(),
            store: Arc::clone(&self.store),
            email: ScriptedProvider::new(Arc::clone(&clock)).named("second"),
            sms: ScriptedProvider::new(clock).named("second"),
            seeds: Arc::clone(&self.seeds),
        }
    }

    /// The e-mail channel, to be changed by a test.
    pub(crate) fn mail(&self) -> ChannelSetup<Email> {
        ChannelSetup::new(sender(), self.email.clone())
    }

    /// An engine whose e-mail channel is set up like this.
    pub(crate) fn engine(&self, mail: ChannelSetup<Email>) -> Builder {
        Signalbus::builder()
            .shared_store(Arc::clone(&self.store))
            .clock(self.clock.clone())
            .entropy(Entropy::from_seed(
                self.seeds.fetch_add(1, Ordering::SeqCst),
            ))
            .channel_setup(mail)
            .channel(Sms::new(), self.sms.clone())
            .templates(templates())
            .policy(policy())
    }

    /// Starts an engine with the defaults.
    pub(crate) async fn start(&self) -> Signalbus {
        self.start_with(self.mail()).await
    }

    pub(crate) async fn start_with(&self, mail: ChannelSetup<Email>) -> Signalbus {
        self.engine(mail).start().await.unwrap()
    }

    /// Lets time pass.
    pub(crate) async fn pass(&self, time: Duration) {
        self.clock.sleep(time).await;
    }

    /// Lets time pass until this long after the start.
    pub(crate) async fn pass_until(&self, time: Duration) {
        self.pass(time.saturating_sub(self.now())).await;
    }

    /// The time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The wall time this long after the start.
    pub(crate) fn at(&self, time: Duration) -> Timestamp {
        later(Timestamp::constant(1_893_456_000, 0), time)
    }
}

fn in_memory(clock: &PausedClock) -> MemoryStore {
    MemoryStore::builder()
        .clock(Arc::new(clock.clone()))
        .build()
}

pub(crate) fn sender() -> Email {
    Email::from("Acme <hello@acme.test>").unwrap()
}

/// The subject of a mail, and the text of a text message, is `data.n`.
pub(crate) fn templates() -> Templates {
    let part = |templates: Templates, name, part, text| templates.part(name, "en", part, text);
    let templates = part(Templates::new(), "note", "subject.txt", "{{ data.n }}").unwrap();
    let templates = part(templates, "note", "body.txt", "Hello").unwrap();
    part(templates, "note", "sms.txt", "{{ data.n }}").unwrap()
}

/// `note` is a mail, `code` is a text message, `both` is both.
pub(crate) fn policy() -> Policy {
    Policy::new()
        .on::<Email>("note")
        .on::<Sms>("code")
        .template("code", "note")
        .on::<Email>("both")
        .on::<Sms>("both")
        .template("both", "note")
}

/// Waits exactly this long between two tries.
pub(crate) fn every(wait: Duration) -> RetryPolicy {
    RetryPolicy::default().with_waits(wait, wait, wait)
}

pub(crate) fn ada() -> Recipient {
    Recipient::new()
        .id("ada")
        .email("ada@example.org")
        .sms("+447700900123")
}

/// One of many recipients.
pub(crate) fn person(number: usize) -> Recipient {
    Recipient::new().email(format!("person-{number}@example.org"))
}

/// A mail to Ada with this key and subject.
pub(crate) fn note(key: &str) -> Event {
    note_to(ada(), key)
}

pub(crate) fn note_to(to: Recipient, key: &str) -> Event {
    Event::new("note", Idempotency::key(key))
        .to(to)
        .data(json!({ "n": key }))
}

/// So many mails to as many people.
pub(crate) async fn send_many(bus: &Signalbus, count: usize) -> Vec<DeliveryId> {
    let mut ids = Vec::new();
    for number in 0..count {
        ids.push(send(bus, note_to(person(number), &number.to_string())).await);
    }
    ids
}

pub(crate) fn tenant(name: &str) -> TenantId {
    TenantId::new(name).unwrap()
}

/// Publishes what must be new.
pub(crate) async fn publish(bus: &Signalbus, event: Event) -> Published {
    let published = bus.publish(event).await.unwrap();
    assert_eq!(published.verdict, Verdict::Accepted);
    published
}

/// Publishes what must be new, and gives back its first delivery.
pub(crate) async fn send(bus: &Signalbus, event: Event) -> DeliveryId {
    publish(bus, event).await.routes[0].delivery
}

/// Publishes what must be new, and waits until the engine has nothing to do.
pub(crate) async fn send_now(bus: &Signalbus, event: Event) -> DeliveryId {
    let delivery = send(bus, event).await;
    bus.idle().await;
    delivery
}
