//! Metrics against the books of the provider.

use signalbus::{
    Recipient, TenantId,
    metrics::names,
    provider::{Fault, Outcome},
    store::{EndState, State},
};
use signalbus_testkit::provider::{Ending, Play, Request};

use crate::{
    common::{
        MINUTE, S, World, ZERO, every, metered, note, note_to, person, policy, publish, send,
        send_now, sender, templates,
    },
    store_errors,
};

fn labels(text: &str) -> String {
    format!("{{{text}}}")
}

fn count(requests: &[Request], wanted: impl Fn(&Ending) -> bool) -> f64 {
    let count = requests.iter().filter(|r| wanted(&r.ending)).count();
    f64::from(u32::try_from(count).unwrap())
}

#[test]
fn counters_agree_with_the_books() {
    let (world, series) = metered(async {
        let world = World::new();
        let policy = every(S).with_max_attempts(3);
        let bus = world.start_with(world.mail().retry(policy)).await;
        let on = |subject: &'static str, attempts, play| {
            world.email.when(
                move |delivery| delivery.message.subject == subject && delivery.attempt <= attempts,
                play,
            );
        };
        on("later", 1, Play::retryable(Fault::Recipient));
        on("never", 9, Play::retryable(Fault::Recipient));
        on("refused", 9, Play::permanent(Fault::Message));
        on("cut", 1, Play::cut());
        on("panic", 1, Play::panic_after_start());
        let tenant = TenantId::default();
        let listed = bus.suppress(&tenant, "email", "person-99@example.org", "manual");
        listed.await.unwrap();
        for (number, subject) in ["later", "never", "refused", "cut", "panic"]
            .into_iter()
            .enumerate()
        {
            send(&bus, note_to(person(number), subject)).await;
        }
        for number in 10..30 {
            send(&bus, note_to(person(number), &number.to_string())).await;
        }
        send(&bus, note_to(person(99), "suppressed")).await;
        send(
            &bus,
            note_to(person(98), "expired").expires_at(world.at(ZERO)),
        )
        .await;
        send(&bus, note_to(Recipient::new(), "no route")).await;
        assert_eq!(
            bus.publish(note_to(person(10), "10"))
                .await
                .unwrap()
                .deliveries(),
            1
        );
        world.pass(MINUTE).await;
        bus.shutdown().await;

        let tally = bus.tally(&signalbus::store::DeliveryFilter::new()).await;
        let ended = |state| {
            let of_state = |tally: &&signalbus::store::Tally| tally.state == State::Ended(state);
            let tally = tally.as_ref().unwrap().iter().filter(of_state);
            tally.map(|tally| tally.count).sum::<u64>()
        };
        assert_eq!(ended(EndState::Accepted), 23);
        world
    });
    let requests = world.email.requests();
    let of = |outcome| move |ending: &Ending| matches!(ending, Ending::Failed { outcome: found, .. } if *found == outcome);
    let attempted = |status: &str| {
        let labels = labels(&format!("channel=email,provider=mail,status={status}"));
        series.get(&format!("{}{labels}", names::ATTEMPTED))
    };
    let accepted = |ending: &Ending| matches!(ending, Ending::Accepted { .. });
    assert_eq!(attempted("accepted"), count(&requests, accepted));
    assert_eq!(
        attempted("retryable"),
        count(&requests, of(Outcome::Retryable))
    );
    assert_eq!(
        attempted("permanent"),
        count(&requests, of(Outcome::Permanent))
    );
    let panicked = count(&requests, |ending| *ending == Ending::Panicked);
    assert_eq!(panicked, 1.0);
    assert_eq!(
        attempted("unknown"),
        count(&requests, of(Outcome::Unknown)) + panicked
    );
    assert_eq!(attempted("accepted"), 23.0);
    assert_eq!(
        series.of(names::SEND_DURATION).values().sum::<f64>(),
        count(&requests, |_| true)
    );

    let retries = series.of(names::RETRIES);
    assert_eq!(
        retries["{channel=email,provider=mail,reason=recipient}"],
        3.0
    );
    assert_eq!(
        retries["{channel=email,provider=mail,reason=provider}"],
        2.0
    );
    let dead = series.of(names::DLQ);
    assert_eq!(dead["{channel=email,provider=mail,reason=refused}"], 1.0);
    assert_eq!(
        dead["{channel=email,provider=mail,reason=attempts_exhausted}"],
        1.0
    );
    assert_eq!(dead.len(), 2);
    let ended = series.of(names::ENDED);
    assert_eq!(ended["{channel=email,state=accepted}"], 23.0);
    assert_eq!(ended["{channel=email,state=dead}"], 2.0);
    assert_eq!(ended["{channel=email,state=suppressed}"], 1.0);
    assert_eq!(ended["{channel=email,state=expired}"], 1.0);
    assert_eq!(ended.len(), 4);
    assert_eq!(
        series.of(names::PUBLISHED)["{channel=email}"],
        27.0,
        "a duplicate is none"
    );
    assert_eq!(series.of(names::END_TO_END)["{channel=email}"], 23.0);
    // What the books say was requested again after it may have been taken.
    assert_eq!(series.of(names::DUPLICATES)["{cause=no_answer}"], 2.0);
    assert_eq!(series.of(names::BUILD).len(), 1);
    let calls = series.of(names::STORE_DURATION);
    for call in [
        "accept",
        "fetch",
        "flush",
        "hold_lanes",
        "tally",
        "suppress",
    ] {
        let labels = labels(&format!("operation={call}"));
        assert!(calls.contains_key(labels.as_str()), "{call}: {calls:?}");
    }
    assert_eq!(series.of(names::STORE_ERRORS).len(), 0);
    assert_eq!(
        series.of(names::SUPPRESSED)["{cause=manual,channel=email}"],
        1.0
    );
    // Those that were claimed; each is made once, however often it is sent.
    assert_eq!(series.of(names::RENDER_DURATION)["{channel=email}"], 25.0);
}

#[test]
fn a_store_that_fails_and_a_template_that_does_are_counted() {
    let ((), series) = metered(async {
        let (world, store) = World::with_test_store();
        let bus = world.start().await;
        store_errors::lose_an_answer(&store);
        send(&bus, note_to(person(1), "a")).await;
        world.pass(S).await;
        store.heal();
        let mut broken = note_to(person(2), "b");
        broken.data = serde_json::json!({});
        send(&bus, broken).await;
        world.pass(S).await;
        bus.shutdown().await;
    });
    assert!(
        series
            .of(names::STORE_ERRORS)
            .keys()
            .all(|labels| labels.contains("operation=flush"))
    );
    assert!(!series.of(names::STORE_ERRORS).is_empty());
    assert_eq!(
        series.of(names::UNSENDABLE)["{channel=email,reason=render}"],
        1.0
    );
    assert!(
        series.of(names::LANES).is_empty(),
        "a worker that left holds no lane"
    );
}

/// Publishes one event of each of so many small tenants, and as many of a large one.
async fn publish_for_tenants(bus: &signalbus::Signalbus, small: usize, large: usize) {
    let of = |tenant: String, key: usize| note_to(person(1), &key.to_string()).tenant(tenant);
    for batch in 0..20 {
        let small = (0..small / 20).map(|n| of(format!("small-{batch}-{n}"), 0));
        let large = (0..large / 20).map(|n| of("large".to_owned(), batch * 1_000 + n));
        let events: Vec<_> = small.chain(large).collect();
        for answer in bus.publish_all(events).await.unwrap() {
            answer.unwrap();
        }
    }
}

#[test]
fn ten_thousand_tenants_have_no_more_series_than_agreed() {
    for most in [0, 5] {
        let ((), series) = metered(async {
            let world = World::new();
            let options = signalbus::EngineOptions::default().with_tenant_metrics(most);
            let bus = world.engine(world.mail()).options(options).build().unwrap();
            publish_for_tenants(&bus, 10_000, 4_000).await;
        });
        let published = series.of(names::TENANT_PUBLISHED);
        if most == 0 {
            assert!(published.is_empty());
            continue;
        }
        let labels: Vec<&str> = published.keys().copied().collect();
        assert_eq!(labels, ["{tenant=large}", "{tenant=other}"]);
        assert_eq!(published.values().sum::<f64>(), 14_000.0);
        assert!(published["{tenant=large}"] > 3_900.0, "{published:?}");
    }
}

#[test]
fn what_ends_is_counted_by_tenant_too() {
    let ((), series) = metered(async {
        let world = World::new();
        let options = signalbus::EngineOptions::default().with_tenant_metrics(5);
        let bus = world.engine(world.mail()).options(options).build().unwrap();
        publish_for_tenants(&bus, 100, 100).await;
        bus.start();
        world.pass(MINUTE).await;
        bus.shutdown().await;
    });
    let ended = series.of(names::TENANT_ENDED);
    assert_eq!(ended["{state=accepted,tenant=large}"], 100.0);
    assert_eq!(ended["{state=accepted,tenant=other}"], 100.0);
    assert_eq!(ended.len(), 2);
}

#[test]
fn an_end_whose_answer_was_lost_is_counted_once() {
    let ((), series) = metered(async {
        let (world, store) = World::with_test_store();
        let bus = world.engine(world.mail()).build().unwrap();
        send(&bus, note_to(person(1), "a").expires_at(world.at(ZERO))).await;
        store_errors::lose_an_answer(&store);
        bus.start();
        world.pass(S).await;
        store.heal();
        world.pass(S).await;
        world.email.default(Play::accept().after(S));
        send(&bus, note_to(person(2), "b")).await;
        world.pass(S / 2).await;
        store_errors::lose_an_answer(&store);
        world.pass(S).await;
        store.heal();
        bus.shutdown().await;
    });
    let ended = series.of(names::ENDED);
    assert_eq!(ended["{channel=email,state=expired}"], 1.0);
    assert_eq!(ended["{channel=email,state=accepted}"], 1.0);
    assert_eq!(series.of(names::END_TO_END)["{channel=email}"], 1.0);
}

#[test]
fn a_crash_is_counted_as_the_cause_of_a_duplicate() {
    let ((), series) = metered(async {
        let world = World::new();
        world.email.next([Play::hang(), Play::hang()]);
        let one = world.start().await;
        send(&one, note_to(person(1), "a")).await;
        send(&one, note_to(person(2), "b")).await;
        world.pass(S).await;
        drop(one);
        let two = world.start().await;
        world.pass(MINUTE).await;
        world.email.books().assert_sent_count(4);
        two.shutdown().await;
    });
    assert_eq!(series.of(names::DUPLICATES)["{cause=lost_record}"], 2.0);
}

#[test]
fn a_send_cut_by_a_shutdown_is_counted() {
    let (requests, series) = metered(async {
        let world = World::new();
        world.email.next([Play::hang()]);
        let bus = world.start().await;
        send(&bus, note("a")).await;
        world.pass(S).await;
        bus.shutdown().await;
        bus.start();
        world.pass(MINUTE).await;
        bus.shutdown().await;
        world.email.requests()
    });
    assert_eq!(requests.len(), 2);
    let attempted = series.of(names::ATTEMPTED);
    assert_eq!(
        attempted["{channel=email,provider=mail,status=unknown}"],
        1.0
    );
    let labels = "{channel=email,provider=mail,status=accepted}";
    assert_eq!(attempted[labels], 1.0);
    assert_eq!(series.of(names::DUPLICATES)["{cause=no_answer}"], 1.0);
}

#[test]
fn gauges_show_an_outage() {
    let (accepted_at, series) = metered(async {
        let world = World::new();
        let bus = world.start().await;
        world.pass(MINUTE).await;
        world.email.default(Play::retryable(Fault::Provider));
        for number in 0..20 {
            send(&bus, note_to(person(number), &number.to_string())).await;
        }
        world.pass(S / 10).await;
        let accepted_at = world.at(world.now());
        for number in 20..25 {
            send(&bus, note_to(person(number), &number.to_string())).await;
        }
        world.pass(MINUTE).await;
        accepted_at
    });
    assert_eq!(
        series.of(names::CIRCUIT)["{channel=email,provider=mail}"],
        2.0
    );
    let seconds = accepted_at.as_duration().as_secs_f64();
    let oldest = series.of(names::OLDEST);
    assert_eq!(
        oldest["{channel=email,state=ready}"], seconds,
        "those never tried"
    );
    let idle = oldest["{channel=email,state=inflight}"];
    assert!(idle >= seconds + 45.0, "nothing is in flight");
    let beats = series.of(names::HEARTBEAT);
    assert!(beats.values().all(|beat| *beat >= seconds + 45.0));
    assert!(series.of(names::RETRY_BUDGET)["{channel=email}"] > 0.0);
}

#[test]
fn what_nobody_serves_is_shown_while_it_waits() {
    for served in [false, true] {
        let ((), series) = metered(async {
            let world = World::new();
            let publisher = world.engine(world.mail()).build().unwrap();
            let mut event = note("a");
            event.topic = "code".to_owned();
            let id = publish(&publisher, event).await.routes[0].delivery;
            let without_text = signalbus::Signalbus::builder()
                .shared_store(std::sync::Arc::clone(&world.store))
                .clock(world.clock.clone())
                .channel(sender(), world.email.clone())
                .templates(templates())
                .start()
                .await
                .unwrap();
            world.pass(S).await;
            if served {
                let tenant = TenantId::default();
                let target = signalbus::store::CancelTarget::Delivery(id);
                publisher.cancel(&tenant, target, "test").await.unwrap();
                world.pass(20 * S).await;
            }
            without_text.shutdown().await;
        });
        let waiting = series.get("notifications_unserved{channel=sms}");
        assert_eq!(waiting, if served { 0.0 } else { 1.0 });
    }
}

#[test]
fn no_series_names_a_person() {
    let ((), series) = metered(async {
        let world = World::new();
        let bus = world
            .engine(world.mail())
            .policy(policy())
            .start()
            .await
            .unwrap();
        for number in 0..50 {
            send_now(&bus, note_to(person(number), &number.to_string())).await;
        }
    });
    assert!(series.0.len() < 40, "{:?}", series.0.keys());
    for name in series.0.keys() {
        assert!(
            !name.contains("person") && !name.contains("example.org"),
            "{name}"
        );
    }
}
