//! Logs name deliveries and events, and nobody and nothing else.

use std::{error::Error, fmt::Write};

use async_trait::async_trait;
use serde_json::json;
use signalbus::Prepare as _;
use signalbus::{
    Attachment, ChannelSetup, DeliveryId, Event, EventId, Idempotency, Provider, Recipient,
    Signalbus, TenantId,
    channel::Email,
    provider::{Capabilities, Delivery, Fault, SendError, Sent},
    store::{DeliveryFilter, Fingerprint, IdempotencyRecord, PageToken},
};
use signalbus_testkit::provider::{Play, ScriptedProvider};

use crate::common::{
    Call, Fails, MINUTE, S, World, ZERO, every, logged, note, note_to, person, publish, send,
    sender,
};

/// Logs in the middle of a send.
#[derive(Debug)]
struct Talkative(ScriptedProvider<Email>);

#[async_trait]
impl Provider<Email> for Talkative {
    fn name(&self) -> &str {
        "talkative"
    }

    fn capabilities(&self) -> Capabilities {
        Provider::<Email>::capabilities(&self.0)
    }

    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        tracing::info!("knocking");
        self.0.send(delivery).await
    }
}

async fn published(bus: &Signalbus, event: Event) -> (EventId, DeliveryId) {
    let published = publish(bus, event).await;
    (published.event, published.routes[0].delivery)
}

#[test]
fn every_record_of_a_delivery_carries_its_ids() {
    let (ids, log) = logged(async {
        let world = World::new();
        let setup = ChannelSetup::new(sender(), Talkative(world.email.clone()));
        let policy = every(S).with_max_attempts(2);
        let bus = world.start_with(setup.retry(policy.clone())).await;
        let plays = [
            ("later", Play::retryable(Fault::Recipient)),
            ("refused", Play::permanent(Fault::Recipient)),
            ("panic", Play::panic_before_start()),
            ("hang", Play::hang()),
        ];
        let mut ids = Vec::new();
        for (number, (subject, play)) in plays.into_iter().enumerate() {
            world
                .email
                .when(move |delivery| delivery.message.subject == subject, play);
            ids.push(published(&bus, note_to(person(number), subject)).await);
        }
        ids.push(published(&bus, note("fine")).await);
        ids.push(published(&bus, note("late").expires_at(world.at(ZERO))).await);
        world.pass(10 * S).await;
        drop(bus);
        world.email.heal();
        let bus = world.start_with(world.mail().retry(policy)).await;
        world.pass(MINUTE).await;
        bus.shutdown().await;
        ids
    });
    for (event, delivery) in ids {
        let (event, delivery) = (event.to_string(), delivery.to_string());
        let of_delivery: Vec<&str> = log.lines().filter(|l| l.contains(&delivery)).collect();
        assert!(!of_delivery.is_empty(), "nothing about {delivery}");
        for line in of_delivery {
            assert!(line.contains(&format!("event.id={event}")), "{line}");
            assert!(line.contains(&format!("delivery.id={delivery}")), "{line}");
        }
    }
    let within_sends = log.lines().filter(|line| line.contains("knocking"));
    assert!(within_sends.clone().count() >= 5);
    for line in within_sends {
        for field in [
            "event.id=",
            "delivery.id=",
            "tenant=",
            "channel=",
            "attempt=",
        ] {
            assert!(line.contains(field), "{line}");
        }
    }
    assert!(
        log.contains("may have been sent"),
        "of the one that was hanging"
    );
}

#[test]
fn a_failure_of_the_store_is_logged_to_its_last_cause() {
    for call in [Call::HoldLanes, Call::Fetch, Call::Flush] {
        let ((), log) = logged(async {
            let (world, store) = World::with_test_store();
            let bus = world.start().await;
            bus.idle().await;
            store.fail(move |made| (made == call).then_some(Fails::Before));
            send(&bus, note("a")).await;
            world.pass(10 * S).await;
            store.heal();
            bus.shutdown().await;
        });
        let cause = "error=the test took the store away: a cable was cut";
        assert!(log.contains(cause), "{call:?}: {log}");
    }
}

const CANARIES: [&str; 7] = [
    "canary.address",
    "CanaryName",
    "canary-data",
    "canary-file",
    "canary-key",
    "canary-option",
    "canary-person",
];

fn canary() -> Recipient {
    Recipient::new()
        .id("canary-person-id")
        .name("CanaryName Lovelace")
        .email("canary.address@example.org")
        .data(json!({ "about": "canary-data about a person" }))
}

fn full_of_canaries(key: &str, subject: &str) -> Event {
    note_to(canary(), &format!("canary-key {key}"))
        .data(json!({ "n": format!("{subject} canary-data") }))
        .attach(Attachment::new(
            "canary-file.txt",
            "text/plain",
            "canary-file",
        ))
}

#[test]
fn what_is_handed_to_a_store_does_not_print_the_key() {
    let record = IdempotencyRecord {
        key: "welcome-ada@example.org".to_owned(),
        fingerprint: Fingerprint([0xab; 32]),
    };
    assert_eq!(
        format!("{record:?}"),
        "IdempotencyRecord { fingerprint: Fingerprint(abab…), .. }"
    );
}

fn chain(error: &dyn Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(error) = source {
        write!(text, " {error} {error:?}").unwrap();
        source = error.source();
    }
    text
}

/// All that can be printed about what happened.
async fn everything(bus: &Signalbus) -> String {
    let tenant = TenantId::default();
    let mut text = format!("{bus:?}");
    let all = bus
        .list(&DeliveryFilter::new(), PageToken::first(100))
        .await
        .unwrap();
    for record in &all.items {
        let story = bus.explain(&tenant, record.id).await.unwrap().unwrap();
        let event = bus.event(&tenant, record.event).await.unwrap().unwrap();
        let json = serde_json::to_string(&story).unwrap();
        write!(text, "{record:?} {story} {story:?} {json} {event:?}").unwrap();
    }
    assert!(all.items.len() >= 8);
    text
}

#[test]
fn nothing_that_can_be_printed_has_an_address_a_name_or_content() {
    let (text, log) = logged(async {
        let world = World::new();
        let policy = every(S).with_max_attempts(2);
        let carrier = signalbus::bus::MemoryBus::with_clock(world.clock.clone());
        let topic = signalbus::Topic::new("events").unwrap();
        let bus = world
            .engine(world.mail().retry(policy))
            .bus(carrier.clone(), &topic, "group")
            .start()
            .await
            .unwrap();
        let mut text = String::new();
        let plays = [
            ("fine", Play::accept()),
            ("later", Play::retryable(Fault::Recipient)),
            ("refused", Play::permanent(Fault::Recipient)),
            ("cut", Play::cut()),
            ("panic", Play::panic_after_start()),
        ];
        for (subject, play) in plays {
            world.email.when(
                move |delivery| delivery.message.subject.starts_with(subject),
                play,
            );
            let event = full_of_canaries(subject, subject);
            write!(text, "{event:?}").unwrap();
            write!(text, "{:?} {}", bus.plan(&event), bus.plan(&event).unwrap()).unwrap();
            write!(text, "{:?}", bus.render(&event)).unwrap();
            write!(text, "{:?}", bus.prepare(event.clone())).unwrap();
            write!(text, "{:?}", publish(&bus, event).await).unwrap();
        }
        // Its subject breaks a header; its name breaks a mailbox; its address is none.
        send(&bus, full_of_canaries("header", "a\r\nb")).await;
        let mut broken = full_of_canaries("name", "x");
        broken.to[0].name = Some("CanaryName\r\n".to_owned());
        send(&bus, broken).await;
        let mut nowhere = full_of_canaries("address", "x");
        nowhere.to[0] = Recipient::new().email("canary.address at example.org");
        write!(text, "{:?}", publish(&bus, nowhere).await).unwrap();
        // What is wrong with these is said without saying what they are.
        let mut wrong = vec![full_of_canaries("locale", "x").locale("canary-data!")];
        for options in [
            json!({ "cc": "canary-option@example.org" }),
            json!({ "cc": ["canary-option at example.org"] }),
            json!("canary-option"),
            json!({ "headers": [{ "name": "X-A", "value": "canary-option\r\n" }] }),
            json!({ "unsubscribe": { "url": "http://canary-option.example.org" } }),
        ] {
            let mut event = full_of_canaries("options", "x");
            event.options.insert("email".to_owned(), options);
            wrong.push(event);
        }
        let mut no_key = full_of_canaries("fields", "x");
        no_key.idempotency = Idempotency::fields(["missing"]);
        wrong.push(no_key);
        for event in wrong {
            let on_the_bus =
                json!({ "id": EventId::from_uuid(uuid::Uuid::nil()), "event": &event });
            let error = bus.publish(event).await.unwrap_err();
            text.push_str(&chain(&error));
            let envelope = signalbus::bus::Envelope {
                topic: topic.to_string(),
                key: Vec::new(),
                headers: signalbus::bus::Headers::new(),
                payload: on_the_bus.to_string().into(),
            };
            write!(text, "{envelope:?}").unwrap();
            signalbus::Bus::publish(&carrier, vec![envelope])
                .await
                .unwrap();
        }
        world.pass(MINUTE).await;
        let tenant = TenantId::default();
        let listed = bus.suppress(&tenant, "email", "canary.address@example.org", "manual");
        listed.await.unwrap();
        let refused = bus.suppress(&tenant, "email", "canary.address at example.org", "manual");
        text.push_str(&chain(&refused.await.unwrap_err()));
        send(&bus, full_of_canaries("suppressed", "x")).await;
        world.pass(MINUTE).await;
        text.push_str(&everything(&bus).await);
        write!(text, "{:?} {:?}", world.store, world.email.requests()).unwrap();
        text
    });
    for canary in CANARIES {
        for (place, text) in [("text", &text), ("log", &log)] {
            if let Some(at) = text.find(canary) {
                let from = text.floor_char_boundary(at.saturating_sub(300));
                let to = text.ceil_char_boundary((at + 100).min(text.len()));
                unreachable!("{canary} in the {place}: …{}…", &text[from..to]);
            }
        }
    }
    // The test would notice.
    assert!(text.contains("AttemptsExhausted") && log.contains("the engine starts"));
}

/// It takes what is published, and would be waited for in vain.
#[test]
fn an_engine_that_was_built_and_not_started_says_so() {
    let (requests, log) = logged(async {
        let world = World::new();
        let bus = world.engine(world.mail()).build().unwrap();
        publish(&bus, note("a")).await;
        bus.idle().await;
        world.email.requests().len()
    });
    assert_eq!(requests, 0);
    assert!(log.contains("built and not started"), "{log}");
}
