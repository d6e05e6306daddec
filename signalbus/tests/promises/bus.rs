//! Publishing through a bus: stored once, rejections recorded, positions kept.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Value, json};
use signalbus::{
    Builder, Bus, EventId, Idempotency, Policy, Signalbus, TenantId, Topic,
    bus::{Envelope, MemoryBus},
    store::{DeliveryFilter, EndState, PageToken, Reason, State},
};

use signalbus_testkit::provider::ScriptedProvider;

use crate::common::{Call, Fails, MINUTE, Ping, S, World, note, note_to, person, tenant};

const GROUP: &str = "engines";

fn topic() -> Topic {
    Topic::new("events").unwrap()
}

fn engine(world: &World, carrier: &MemoryBus) -> Builder {
    let builder = world.engine(world.mail());
    builder.bus(carrier.clone(), &topic(), GROUP)
}

fn carrier(world: &World) -> MemoryBus {
    MemoryBus::with_clock(world.clock.clone())
}

/// An envelope as another program could write it.
fn envelope(payload: impl Into<Bytes>) -> Envelope {
    Envelope::new(topic().as_str(), *b"key", payload)
}

fn wire(id: EventId, event: &Value) -> Envelope {
    envelope(json!({ "signalbus": 1, "id": id, "event": event }).to_string())
}

fn event_id(number: u128) -> EventId {
    EventId::from_uuid(uuid::Uuid::from_u128(number))
}

fn mail(n: &str, key: &str) -> Value {
    json!({
        "topic": "note",
        "to": [{ "addresses": { "email": "ada@example.org" } }],
        "data": { "n": n },
        "idempotency": { "key": key },
    })
}

/// Why deliveries of an event ended.
async fn reasons(bus: &Signalbus, tenant: &TenantId, id: EventId) -> Vec<Option<Reason>> {
    let event = bus.event(tenant, id).await.unwrap();
    let deliveries = event.map_or_else(Vec::new, |event| event.deliveries);
    deliveries.into_iter().map(|record| record.reason).collect()
}

#[tokio::test(start_paused = true)]
async fn an_event_goes_through_the_bus_into_the_store_and_out() {
    let world = World::new();
    let carrier = carrier(&world);
    let bus = engine(&world, &carrier).start().await.unwrap();
    let id = bus.publish_to_bus(note("a")).await.unwrap();
    world.pass(S).await;
    let reasons = reasons(&bus, &TenantId::default(), id).await;
    assert_eq!(reasons, [Some(Reason::Sent)]);
    let positions = bus.store().bus_positions("memory", GROUP).await.unwrap();
    assert_eq!(positions.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn two_engines_of_a_group_store_each_event_once() {
    let world = World::new();
    let carrier = carrier(&world);
    let one = engine(&world, &carrier).start().await.unwrap();
    let two = engine(&world, &carrier).start().await.unwrap();
    for number in 0..100 {
        let event = note_to(person(number).id(number.to_string()), &number.to_string());
        one.publish_to_bus(event).await.unwrap();
    }
    world.pass(20 * S).await;
    world.email.books().assert_sent_count(100);
    world.email.books().assert_no_duplicates();
    tokio::join!(one.shutdown(), two.shutdown());
}

#[tokio::test(start_paused = true)]
async fn repeats_on_the_bus_are_recognised_with_and_without_a_key() {
    let world = World::new();
    let carrier = carrier(&world);
    let bus = engine(&world, &carrier).start().await.unwrap();
    let mut keyless = mail("b", "");
    keyless["idempotency"] = json!("none");
    let batch = vec![
        wire(event_id(1), &mail("a", "key")),
        wire(event_id(1), &mail("a", "key")),
        wire(event_id(2), &mail("a", "key")),
        wire(event_id(3), &keyless),
        wire(event_id(3), &keyless),
    ];
    carrier.publish(batch.clone()).await.unwrap();
    world.pass(S).await;
    carrier.publish(batch).await.unwrap();
    world.pass(S).await;
    world.email.books().assert_sent_count(2);
    let first = reasons(&bus, &TenantId::default(), event_id(1)).await;
    assert_eq!(first, [Some(Reason::Sent)]);
    assert!(
        reasons(&bus, &TenantId::default(), event_id(2))
            .await
            .is_empty()
    );
}

#[tokio::test(start_paused = true)]
async fn conflicts_are_recorded() {
    let world = World::new();
    let carrier = carrier(&world);
    let bus = engine(&world, &carrier).start().await.unwrap();
    let mut foreign = mail("c", "other key");
    foreign["tenant"] = json!("mallory");
    let batch = vec![
        wire(event_id(1), &mail("a", "key")),
        wire(event_id(2), &mail("b", "key")),
        wire(event_id(1), &foreign),
    ];
    carrier.publish(batch).await.unwrap();
    world.pass(S).await;
    world.email.books().assert_sent_count(1);
    let tenant_of = TenantId::default();
    assert_eq!(
        reasons(&bus, &tenant_of, event_id(2)).await,
        [Some(Reason::Conflict)]
    );
    // Under an id of its own, as the one it came with is taken.
    let filter = DeliveryFilter::new().tenant(tenant("mallory"));
    let page = bus.list(&filter, PageToken::first(10)).await.unwrap();
    assert_eq!(page.items.len(), 1);
    assert_eq!(page.items[0].reason, Some(Reason::Conflict));

    let second = bus.event(&tenant_of, event_id(2)).await.unwrap().unwrap();
    for (of, id, what) in [
        (
            &tenant_of,
            second.deliveries[0].id,
            "its key was used before, by event",
        ),
        (
            &tenant("mallory"),
            page.items[0].id,
            "is that of another event",
        ),
    ] {
        let story = bus.explain(of, id).await.unwrap().unwrap().to_string();
        assert!(story.contains(what), "{story}");
        assert!(story.contains(&event_id(1).to_string()), "{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_recorded_and_holds_nothing_up() {
    let world = World::new();
    let carrier = carrier(&world);
    let bus = engine(&world, &carrier).start().await.unwrap();
    let mut invalid = mail("a", "k1");
    invalid["to"] = json!([]);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let batch = vec![
        envelope("not json"),
        envelope(vec![0xff, 0, 7]),
        envelope(deep),
        wire(event_id(1), &invalid),
        wire(event_id(2), &mail("fine", "k2")),
    ];
    carrier.publish(batch).await.unwrap();
    world.pass(S).await;
    let sent = reasons(&bus, &TenantId::default(), event_id(2)).await;
    assert_eq!(sent, [Some(Reason::Sent)]);
    let dead = DeliveryFilter::new().state(State::Ended(EndState::Dead));
    let page = bus.list(&dead, PageToken::first(10)).await.unwrap();
    assert_eq!(page.items.len(), 4);
    let mut stories = String::new();
    for record in page.items {
        assert_eq!(record.reason, Some(Reason::Unreadable));
        let story = bus.explain(&record.tenant, record.id).await.unwrap();
        stories.push_str(&story.unwrap().to_string());
    }
    assert_eq!(
        stories.matches("(unreadable): no event as JSON: ").count(),
        3
    );
    assert!(
        stories.contains("(unreadable): to: has no recipient"),
        "{stories}"
    );
    let named = reasons(&bus, &TenantId::default(), event_id(1)).await;
    assert_eq!(named, [Some(Reason::Unreadable)]);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_a_channel_panics_over_holds_nothing_up() {
    let world = World::new();
    let carrier = carrier(&world);
    let pings = ScriptedProvider::<Ping<1>>::new(Arc::new(world.clock.clone()));
    let bus = engine(&world, &carrier)
        .channel(Ping::<1>, pings.clone())
        .policy(Policy::new().on::<Ping<1>>("ping"));
    let bus = bus.start().await.unwrap();
    let ping = |to: &str| json!({ "topic": "ping", "to": [{ "addresses": { "ping": to } }], "idempotency": "none" });
    let batch = vec![
        wire(event_id(1), &ping("nowhere")),
        wire(event_id(2), &ping("somewhere")),
    ];
    carrier.publish(batch).await.unwrap();
    world.pass(S).await;
    let ended = [Reason::Unreadable, Reason::Sent];
    for (number, reason) in (1..).zip(ended) {
        let reasons = reasons(&bus, &TenantId::default(), event_id(number)).await;
        assert_eq!(reasons, [Some(reason)]);
    }
    pings.books().assert_sent_count(1);
}

#[tokio::test(start_paused = true)]
async fn the_publisher_is_told_what_is_wrong_before_it_is_on_the_bus() {
    let world = World::new();
    let carrier = carrier(&world);
    let bus = engine(&world, &carrier).build().unwrap();
    let mut no_field = note("a");
    no_field.idempotency = Idempotency::fields(["missing"]);
    let large = note("a").data(json!({ "n": "x".repeat(10 * 1024 * 1024) }));
    let deep = (0..100_000).fold(Value::Null, |inner, _| Value::Array(vec![inner]));
    let deep = note("a").data(deep);
    for (event, says) in [
        (note("a").tenant("\r\n"), "tenant"),
        (no_field, "idempotency"),
        (large, "data"),
        (deep, "data"),
    ] {
        let error = bus.publish_to_bus(event).await.unwrap_err();
        let told = error.to_string();
        let (_, problem) = told.split_once(": ").expect("what is wrong");
        assert!(problem.starts_with(says), "{told}");
    }
    let without = world.engine(world.mail()).build().unwrap();
    let error = without.publish_to_bus(note("a")).await.unwrap_err();
    assert!(!error.is_transient());
}

#[tokio::test(start_paused = true)]
async fn a_restart_goes_on_where_the_store_stands() {
    let world = World::new();
    let carrier = carrier(&world);
    let one = engine(&world, &carrier).start().await.unwrap();
    one.publish_to_bus(note("a")).await.unwrap();
    world.pass(S).await;
    one.shutdown().await;
    let two = engine(&world, &carrier).build().unwrap();
    two.publish_to_bus(note("b")).await.unwrap();
    world.pass(S).await;
    world.email.books().assert_sent_count(1);
    two.start();
    world.pass(S).await;
    world.email.books().assert_sent_count(2);
    world.email.books().assert_no_duplicates();
}

#[tokio::test(start_paused = true)]
async fn a_store_that_fails_loses_and_doubles_nothing() {
    let (world, store) = World::with_test_store();
    let carrier = carrier(&world);
    let bus = engine(&world, &carrier).start().await.unwrap();
    let mut calls = 0;
    store.fail(move |call| {
        calls += u32::from(call == Call::Accept);
        match (call, calls % 3) {
            (Call::Accept, 1) => Some(Fails::Before),
            (Call::Accept, 2) => Some(Fails::After),
            _ => None,
        }
    });
    for number in 0..20 {
        let event = note_to(person(number), &number.to_string());
        bus.publish_to_bus(event).await.unwrap();
        world.pass(S).await;
    }
    world.pass(MINUTE).await;
    world.email.books().assert_sent_count(20);
    world.email.books().assert_no_duplicates();
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_gone_does_not_hold_up_a_shutdown() {
    let world = World::new();
    let carrier = carrier(&world);
    let bus = engine(&world, &carrier).start().await.unwrap();
    world.pass(S).await;
    carrier.close();
    world.pass(3 * S / 2).await;
    let before = world.now();
    bus.shutdown().await;
    assert_eq!(world.now(), before);
    let error = bus.publish_to_bus(note("a")).await.unwrap_err();
    assert!(!error.is_transient(), "it is closed for good");
}
