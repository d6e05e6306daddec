//! What buses of both kinds, and handles with less than everything, promise.

use std::collections::BTreeSet;

use crate::common::{
    Call, Fails, S, World, logged, metered, note, note_to, person, policy, sender, templates,
};
use serde_json::json;
use signalbus::{
    BuildError, Bus, BusSetup, EventId, Idempotency, Policy, Signalbus, TenantId, Topic,
    TraceContext, WhenGone,
    bus::{BusKind, Envelope, MemoryBus, Partition, Start},
    channel::{Email, Sms},
    store::{DeliveryFilter, PageToken, Reason},
};

const GROUP: &str = "engines";

fn topic() -> Topic {
    Topic::new("events").unwrap()
}

fn both(world: &World) -> [MemoryBus; 2] {
    let bus = || MemoryBus::with_clock(world.clock.clone());
    [bus(), bus().acknowledged()]
}

async fn start(world: &World, setup: BusSetup) -> Signalbus {
    let builder = world.engine(world.mail()).bus_setup(setup);
    builder.start().await.unwrap()
}

fn reading(carrier: &MemoryBus) -> BusSetup {
    BusSetup::new(carrier.clone(), &topic()).group(GROUP)
}

/// Why deliveries of an event ended.
async fn reasons(bus: &Signalbus, id: EventId) -> Vec<Option<Reason>> {
    let event = bus.event(&TenantId::default(), id).await.unwrap();
    let deliveries = event.map_or_else(Vec::new, |event| event.deliveries);
    deliveries.into_iter().map(|record| record.reason).collect()
}

#[tokio::test(start_paused = true)]
async fn a_publisher_needs_neither_store_nor_providers() {
    for carrier in [MemoryBus::new(), MemoryBus::new().acknowledged()] {
        let world = World::new();
        let publisher = Signalbus::builder()
            .without_store()
            .known_channel(sender())
            .policy(Policy::new().on::<Email>("*"))
            .bus_setup(BusSetup::new(carrier.clone(), &topic()))
            .build()
            .unwrap();
        let worker = start(&world, reading(&carrier)).await;
        let answers = publisher
            .publish_all_to_bus(vec![note("a"), note("b").tenant("\n")])
            .await
            .unwrap();
        let id = *answers[0].as_ref().unwrap();
        assert!(answers[1].is_err());
        world.pass(3 * S).await;
        assert_eq!(reasons(&worker, id).await, [Some(Reason::Sent)]);
        // What needs a store says so.
        let error = publisher.publish(note("c")).await.unwrap_err();
        assert!(!error.is_transient());
        assert!(publisher.tally(&DeliveryFilter::new()).await.is_err());
        assert_eq!(publisher.plan(&note("c")).unwrap().deliveries.len(), 1);
    }
}

#[tokio::test]
async fn what_needs_a_store_is_refused_without_one() {
    let without = || Signalbus::builder().without_store();
    for builder in [
        without().in_memory(),
        without().bus(MemoryBus::new(), &topic(), GROUP),
    ] {
        assert!(matches!(builder.build(), Err(BuildError::NeedsStore(_))));
    }
    assert!(without().start().await.is_err());
    let twice = Signalbus::builder()
        .in_memory()
        .bus(MemoryBus::new(), &topic(), GROUP)
        .bus(MemoryBus::new(), &topic(), GROUP);
    assert!(matches!(twice.build(), Err(BuildError::BusTwice { .. })));
}

#[tokio::test(start_paused = true)]
async fn workers_of_different_channels_share_a_store_and_a_bus() {
    let world = World::new();
    for carrier in both(&world) {
        let mailer = |email: bool| {
            let builder = Signalbus::builder()
                .shared_store(std::sync::Arc::clone(&world.store))
                .clock(world.clock.clone())
                .templates(templates())
                .policy(policy().on::<Sms>("note"))
                .bus_setup(reading(&carrier));
            let mail = sender();
            if email {
                let builder = builder.channel(mail, world.email.clone());
                builder.known_channel(Sms::new())
            } else {
                let builder = builder.known_channel(mail);
                builder.channel(Sms::new(), world.sms.clone())
            }
        };
        let emails = mailer(true).start().await.unwrap();
        let texts = mailer(false).start().await.unwrap();
        for number in 0..20 {
            let to = person(number).sms("+447700900123");
            let event = note_to(to, &format!("{:?} {number}", carrier.kind()));
            emails.publish_to_bus(event).await.unwrap();
        }
        world.pass(20 * S).await;
        world.email.books().assert_no_duplicates();
        world.sms.books().assert_no_duplicates();
        tokio::join!(emails.shutdown(), texts.shutdown());
    }
    world.email.books().assert_sent_count(40);
    world.sms.books().assert_sent_count(40);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_nobody_is_told_so() {
    let world = World::new();
    let builder = Signalbus::builder()
        .shared_store(std::sync::Arc::clone(&world.store))
        .clock(world.clock.clone())
        .templates(templates())
        .policy(policy())
        .known_channel(Sms::new())
        .channel(sender(), world.email.clone());
    let bus = builder.start().await.unwrap();
    let mut code = note_to(person(1).sms("+447700900123"), "a");
    code.topic = "code".to_owned();
    let id = bus.publish(code).await.unwrap().routes[0].delivery;
    world.pass(S).await;
    let tenant = TenantId::default();
    let explanation = bus.explain(&tenant, id).await.unwrap().unwrap();
    assert!(explanation.unserved);
    let story = explanation.to_string();
    assert!(story.contains("no worker serves sms"), "{story}");
}

#[tokio::test(start_paused = true)]
async fn people_without_an_id_spread_over_the_partitions() {
    let carrier = MemoryBus::new();
    let world = World::new();
    let bus = world.engine(world.mail());
    let bus = bus
        .bus_setup(BusSetup::new(carrier.clone(), &topic()))
        .build()
        .unwrap();
    let events = (0..1_000)
        .map(|number| note_to(person(number), "a"))
        .collect();
    bus.publish_all_to_bus(events).await.unwrap();
    let mut reader = carrier.subscribe("events", "count").await.unwrap();
    let all = (0..MemoryBus::PARTITIONS).map(|partition| Partition {
        partition,
        start: Start::Earliest,
    });
    reader.assign(all.collect()).await.unwrap();
    let keys: BTreeSet<Vec<u8>> = reader
        .next(2_000)
        .await
        .unwrap()
        .delivered
        .into_iter()
        .map(|delivered| delivered.envelope.key)
        .collect();
    assert_eq!(keys.len(), 1_000, "each person has a key");
}

#[tokio::test(start_paused = true)]
async fn one_event_that_the_store_refuses_costs_itself_only() {
    for acknowledged in [false, true] {
        let (world, store) = World::with_test_store();
        let carrier = both(&world)[usize::from(acknowledged)].clone();
        store.refuse("both");
        let bus = start(&world, reading(&carrier)).await;
        let events: Vec<_> = (0..100)
            .map(|number| {
                let mut event = note_to(person(number), &number.to_string());
                if number == 50 {
                    event.topic = "both".to_owned();
                }
                event
            })
            .collect();
        let answers = bus.publish_all_to_bus(events).await.unwrap();
        world.pass(20 * S).await;
        world.email.books().assert_sent_count(99);
        let refused = *answers[50].as_ref().unwrap();
        assert_eq!(reasons(&bus, refused).await, [Some(Reason::Unreadable)]);
        let tenant = TenantId::default();
        let kept = bus.rejected_payload(&tenant, refused).await.unwrap();
        let (payload, bytes) = kept.unwrap();
        assert_eq!(payload.len(), bytes);
        assert!(String::from_utf8(payload).unwrap().contains("both"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_newer_version_is_held_until_a_worker_reads_it() {
    for acknowledged in [false, true] {
        let world = World::new();
        let carrier = both(&world)[usize::from(acknowledged)].clone();
        let old = start(&world, reading(&carrier)).await;
        let newer =
            json!({ "signalbus": 2, "id": EventId::derived(&["newer"]), "event": { "gather": 7 } });
        let newer = Envelope::new("events", *b"key", newer.to_string());
        carrier.publish(vec![newer]).await.unwrap();
        let behind = Envelope::new(
            "events",
            *b"key",
            json!({ "topic": "note", "to": [], "idempotency": "none" }).to_string(),
        );
        carrier.publish(vec![behind]).await.unwrap();
        world.pass(10 * S).await;
        old.shutdown().await;
        // A later worker finds it again, and on a log what stands behind it, too.
        let mut reader = carrier.subscribe("events", GROUP).await.unwrap();
        if !acknowledged {
            let positions = world.store.bus_positions("memory", GROUP).await.unwrap();
            assert!(positions.is_empty(), "{positions:?}");
            let all = (0..MemoryBus::PARTITIONS).map(|partition| Partition {
                partition,
                start: Start::Earliest,
            });
            reader.assign(all.collect()).await.unwrap();
        }
        let again = reader.next(10).await.unwrap().delivered;
        assert_eq!(again.len(), if acknowledged { 1 } else { 2 });
        assert!(again[0].envelope.payload.starts_with(b"{"));
    }
}

#[test]
fn what_is_gone_is_told_and_read_on_by_the_rule() {
    for (rule, expected) in [
        (WhenGone::Earliest, 2),
        (WhenGone::Latest, 1),
        (WhenGone::Stop, 0),
    ] {
        let (sent, log) = logged(async move {
            let world = World::new();
            let carrier = MemoryBus::with_clock(world.clock.clone());
            let setup = || reading(&carrier).when_gone(rule);
            let first = start(&world, setup()).await;
            let ada = |n: &str| note_to(person(1).id("ada"), n);
            first.publish_to_bus(ada("1")).await.unwrap();
            world.pass(S).await;
            first.shutdown().await;
            let publisher = world
                .engine(world.mail())
                .bus_setup(setup())
                .build()
                .unwrap();
            for n in ["2", "3"] {
                publisher.publish_to_bus(ada(n)).await.unwrap();
            }
            let positions = world.store.bus_positions("memory", GROUP).await.unwrap();
            let at = &positions[0];
            carrier.forget_before("events", at.partition, at.next + 1);
            let second = start(&world, setup()).await;
            world.pass(3 * S).await;
            second.publish_to_bus(ada("4")).await.unwrap();
            world.pass(3 * S).await;
            world.email.books().sent().len() - 1
        });
        assert_eq!(sent, expected, "{rule:?}");
        assert!(log.contains("is not there any more"), "{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bus_takes_payloads_up_to_its_limit() {
    let world = World::new();
    let carrier = MemoryBus::new().with_max_payload(400);
    let setup = BusSetup::new(carrier, &topic());
    let bus = world.engine(world.mail()).bus_setup(setup).build().unwrap();
    bus.publish_to_bus(note("a")).await.unwrap();
    let large = note("a").data(json!({ "n": "x".repeat(400) }));
    let error = bus.publish_to_bus(large).await.unwrap_err();
    let told = error.to_string();
    assert!(told.contains("the bus takes at most 400"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn what_is_rejected_is_recorded_once_however_often_it_is_read() {
    for acknowledged in [false, true] {
        let (world, store) = World::with_test_store();
        let carrier = both(&world)[usize::from(acknowledged)].clone();
        let bus = start(&world, reading(&carrier)).await;
        let mut calls = 0;
        store.fail(move |call| {
            calls += u32::from(call == Call::Accept);
            (call == Call::Accept && calls < 4).then_some(Fails::After)
        });
        let garbage = Envelope::new("events", *b"key", "no event");
        carrier.publish(vec![garbage]).await.unwrap();
        world.pass(20 * S).await;
        let page = bus
            .list(&DeliveryFilter::new(), PageToken::first(10))
            .await
            .unwrap();
        assert_eq!(page.items.len(), 1);
        assert_eq!(page.items[0].reason, Some(Reason::Unreadable));
    }
}

/// All that is in a topic.
async fn read_all(carrier: &MemoryBus, topic: &str, count: usize) -> Vec<Envelope> {
    let mut reader = carrier.subscribe(topic, "somebody else").await.unwrap();
    if carrier.kind() == BusKind::Positioned {
        let all = (0..MemoryBus::PARTITIONS).map(|partition| Partition {
            partition,
            start: Start::Earliest,
        });
        reader.assign(all.collect()).await.unwrap();
    }
    let mut found = Vec::new();
    while found.len() < count {
        let batch = reader.next(100).await.unwrap();
        found.extend(batch.delivered.into_iter().map(|one| one.envelope));
    }
    found
}

#[tokio::test(start_paused = true)]
async fn dead_letters_are_what_was_rejected_with_its_place_and_the_reason() {
    for acknowledged in [false, true] {
        let world = World::new();
        let carrier = both(&world)[usize::from(acknowledged)].clone();
        let letters = Topic::new("events.dead").unwrap();
        let bus = start(&world, reading(&carrier).dead_letters(&letters)).await;
        // What another group has not read is kept.
        let look = carrier.subscribe("events", "a look").await;
        let mut garbage = Envelope::new("events", *b"ada", b"\xFF no \"secret\": event".to_vec());
        garbage.headers.insert("traceparent", "00-1");
        carrier.publish(vec![garbage.clone()]).await.unwrap();
        bus.publish_to_bus(note("well")).await.unwrap();
        // Of two events with one key the second is a conflict.
        let keyed = |n: &str| {
            let mut event = note(n);
            event.idempotency = Idempotency::key("once");
            event
        };
        bus.publish_to_bus(keyed("a")).await.unwrap();
        world.pass(S).await;
        bus.publish_to_bus(keyed("b")).await.unwrap();
        world.pass(5 * S).await;
        let mut found = read_all(&carrier, "events.dead", 2).await;
        assert_eq!(found.len(), 2);
        found.sort_by_key(|letter| letter.headers.text("signalbus-reason").map(str::to_owned));
        assert_eq!(found[0].headers.text("signalbus-reason"), Some("conflict"));
        let letter = &found[1];
        assert_eq!(
            (&letter.key, &letter.payload),
            (&garbage.key, &garbage.payload)
        );
        let header = |name: &str| letter.headers.text(name);
        assert_eq!(header("traceparent"), Some("00-1"));
        assert_eq!(header("signalbus-topic"), Some("events"));
        assert_eq!(header("signalbus-reason"), Some("unreadable"));
        assert!(header("signalbus-detail").is_some());
        assert_eq!(header("signalbus-tag").is_some(), acknowledged);
        assert_eq!(header("signalbus-partition").is_some(), !acknowledged);
        if !acknowledged {
            // It is found again by what the letter says.
            let number = |name: &str| header(name).unwrap().parse().unwrap();
            let mut reader = look.unwrap();
            let from = Partition {
                partition: u32::try_from(number("signalbus-partition")).unwrap(),
                start: Start::Offset(number("signalbus-offset")),
            };
            reader.assign(vec![from]).await.unwrap();
            let again = reader.next(1).await.unwrap().delivered;
            assert_eq!(again[0].envelope.payload, garbage.payload);
        }
        let event = header("signalbus-event").unwrap().parse().unwrap();
        assert_eq!(reasons(&bus, event).await, [Some(Reason::Unreadable)]);
        bus.shutdown().await;
    }
}

#[test]
fn a_letter_that_is_refused_for_good_is_told_and_does_not_stop_the_partition() {
    let ((), series) = metered(async {
        let world = World::new();
        let carrier = MemoryBus::with_clock(world.clock.clone());
        let letters = Topic::new("events.dead").unwrap();
        let bus = start(&world, reading(&carrier).dead_letters(&letters)).await;
        // Larger than what the bus takes from now on: clones share what is in them.
        let small = carrier.clone().with_max_payload(5);
        bus.shutdown().await;
        let garbage = Envelope::new("events", *b"ada", "no event");
        carrier.publish(vec![garbage]).await.unwrap();
        let setup = BusSetup::new(small, &topic()).group(GROUP);
        let bus = start(&world, setup.dead_letters(&letters)).await;
        world.pass(5 * S).await;
        let page = bus
            .list(&DeliveryFilter::new(), PageToken::first(10))
            .await
            .unwrap();
        assert_eq!(page.items.len(), 1);
    });
    let refused = "bus_dead_letters_total{bus=memory,group=engines,result=refused,topic=events}";
    assert_eq!(series.get(refused), 1.0);
}

#[tokio::test]
async fn dead_letters_need_a_topic_that_is_not_read() {
    let world = World::new();
    let carrier = MemoryBus::with_clock(world.clock.clone());
    let setup = reading(&carrier).dead_letters(&topic());
    let built = world.engine(world.mail()).bus_setup(setup).build();
    assert!(matches!(built, Err(BuildError::DeadLettersRead(_))));
}

#[test]
fn lag_and_rebalances_are_counted() {
    let ((), series) = metered(async {
        let world = World::new();
        let carrier = MemoryBus::with_clock(world.clock.clone());
        let bus = start(&world, reading(&carrier)).await;
        bus.publish_to_bus(note("a")).await.unwrap();
        let garbage = Envelope::new("events", *b"key", "no event");
        carrier.publish(vec![garbage]).await.unwrap();
        world.pass(20 * S).await;
    });
    let of = |name: &str| series.get(&format!("{name}{{bus=memory,group=engines,topic=events}}"));
    assert_eq!(of("bus_rebalances_total"), 1.0);
    assert_eq!(of("bus_rejected_total"), 1.0);
    let lag = "bus_lag{bus=memory,group=engines,partition=0,topic=events}";
    assert!(series.0.contains_key(lag), "{:?}", series.0.keys());
}

/// A rolling deploy adds a channel: what is published for it by the new is sent by the new, while
/// the old ones go on with what they know.
#[tokio::test(start_paused = true)]
async fn a_rolling_deploy_that_adds_a_channel_loses_and_delays_nothing() {
    let world = World::new();
    let old = || {
        Signalbus::builder()
            .shared_store(std::sync::Arc::clone(&world.store))
            .clock(world.clock.clone())
            .templates(templates())
            .policy(Policy::new().on::<Email>("note"))
            .channel(sender(), world.email.clone())
    };
    let (first, second) = (old().start().await.unwrap(), old().start().await.unwrap());
    world.pass(10 * S).await;
    let new = world.start().await;
    let to = |number| person(number).sms("+447700900123");
    for number in 0..50 {
        let mut code = note_to(to(number), &format!("code {number}"));
        code.topic = "code".to_owned();
        new.publish(code).await.unwrap();
        first
            .publish(note_to(to(number), &number.to_string()))
            .await
            .unwrap();
    }
    // Its lanes nobody else wants: it has them at once, and mail goes on with those who have its.
    world.pass(S).await;
    world.sms.books().assert_sent_count(50);
    world.email.books().assert_sent_count(50);
    tokio::join!(first.shutdown(), second.shutdown());
    world.pass(20 * S).await;
    new.publish(note_to(to(99), "after")).await.unwrap();
    world.pass(S).await;
    world.email.books().assert_sent_count(51);
    world.email.books().assert_no_duplicates();
    world.sms.books().assert_no_duplicates();
}

/// Where a group begins that has read nothing is found out once: what is published after that is
/// not missed, though nothing was read before the process ended.
#[tokio::test(start_paused = true)]
async fn a_group_that_starts_at_the_end_misses_nothing_after_that() {
    let world = World::new();
    let carrier = MemoryBus::with_clock(world.clock.clone());
    let setup = || reading(&carrier).start(Start::Latest);
    let publisher = world.engine(world.mail()).bus_setup(setup());
    let publisher = publisher.build().unwrap();
    publisher.publish_to_bus(note("before")).await.unwrap();
    let first = start(&world, setup()).await;
    world.pass(S).await;
    first.shutdown().await;
    publisher.publish_to_bus(note("meanwhile")).await.unwrap();
    let second = start(&world, setup()).await;
    world.pass(3 * S).await;
    second.shutdown().await;
    world.email.books().assert_sent_count(1);
}

#[tokio::test(start_paused = true)]
async fn the_trace_of_an_event_travels_in_the_headers() {
    let world = World::new();
    let carrier = MemoryBus::with_clock(world.clock.clone());
    let setup = BusSetup::new(carrier.clone(), &topic());
    let bus = world.engine(world.mail()).bus_setup(setup).build().unwrap();
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let trace = TraceContext::new(parent, Some("vendor=1")).unwrap();
    bus.publish_to_bus(note("a").trace(trace)).await.unwrap();
    let mut reader = carrier.subscribe("events", "count").await.unwrap();
    let all = (0..MemoryBus::PARTITIONS).map(|partition| Partition {
        partition,
        start: Start::Earliest,
    });
    reader.assign(all.collect()).await.unwrap();
    let read = reader.next(10).await.unwrap().delivered.remove(0);
    let header = |name: &str| read.envelope.headers.text(name);
    assert_eq!(header("traceparent"), Some(parent));
    assert_eq!(header("tracestate"), Some("vendor=1"));
}
