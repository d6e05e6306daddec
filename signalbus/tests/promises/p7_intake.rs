//! P7: a key belongs to an event.

use std::time::Duration;

use serde_json::{Value, json};
use signalbus::Prepare as _;
use signalbus::{
    Answer, Attachment, Class, EngineOptions, Event, Idempotency, Order, PublishLimits, Recipient,
    TraceContext, Verdict,
    store::{Acceptance, DeliveryFilter, Retention},
};

use crate::common::{MINUTE, S, World, ada, note, note_to, person, publish, send_now};

fn with_data(idempotency: Idempotency, data: Value) -> Event {
    Event::new("note", idempotency).to(ada()).data(data)
}

#[tokio::test(start_paused = true)]
async fn a_repeat_gets_the_answers_of_the_original() {
    let world = World::new();
    let bus = world.start().await;
    let event = || {
        note("a")
            .to(Recipient::new().email("no address"))
            .to(Recipient::new())
            .send_at(world.at(MINUTE))
    };
    let original = publish(&bus, event()).await;
    let repeat = bus.publish(event()).await.unwrap();
    assert_eq!(repeat.verdict, Verdict::Duplicate);
    assert_eq!(repeat.event, original.event);
    assert_eq!(repeat.routes, original.routes);
    assert_eq!(repeat.routes[0].answer, Answer::Scheduled(world.at(MINUTE)));
    assert!(matches!(repeat.routes[1].answer, Answer::Rejected(_)));
    assert_eq!(repeat.routes[2].answer, Answer::NoRoute);
    world.pass(2 * MINUTE).await;
    world.email.books().assert_sent_count(1);
}

/// What is kept for the repeat of a key does not make the event larger.
#[tokio::test(start_paused = true)]
async fn an_event_may_be_as_large_with_a_key_as_without() {
    let world = World::new();
    let limits = PublishLimits::default().with_bytes(6_000);
    let bus = world.engine(world.mail()).limits(limits);
    let bus = bus.start().await.unwrap();
    for key in [Idempotency::None, Idempotency::key("a")] {
        let event = Event::new("note", key).data(json!({ "n": "x" }));
        let event = (0..100).map(person).fold(event, Event::to);
        let verdict = bus.publish(event).await.unwrap().verdict;
        assert_eq!(verdict, Verdict::Accepted);
    }
}

#[tokio::test(start_paused = true)]
async fn other_content_under_the_same_key_is_a_conflict() {
    let world = World::new();
    let bus = world.start().await;
    let event = || note("a");
    let original = publish(&bus, event()).await;
    let changed = [
        event().data(json!({ "n": "other" })),
        event().to(person(1)),
        event().class(Class::Urgent),
        event().order(Order::Strict),
        event().locale("de"),
        event().expires_at(world.at(MINUTE)),
        event().send_at(world.at(MINUTE)),
        Event {
            topic: "both".to_owned(),
            ..event()
        },
        Event {
            to: vec![ada().name("Ada")],
            ..event()
        },
        Event {
            to: vec![ada().id("other")],
            ..event()
        },
        Event {
            to: vec![ada().locale("de")],
            ..event()
        },
        Event {
            to: vec![ada().data(json!(1))],
            ..event()
        },
        Event {
            to: vec![ada().sms("+447700900124")],
            ..event()
        },
        Event {
            options: [("email".to_owned(), json!({ "reply_to": ["b@example.org"] }))]
                .into_iter()
                .collect(),
            ..event()
        },
        event().attach(file("a", "text/plain", "b")),
    ];
    for event in changed {
        let answer = bus.publish(event.clone()).await.unwrap();
        assert_eq!(answer.verdict, Verdict::Conflict, "{event:?}");
        assert_eq!(answer.event, original.event);
        assert!(answer.routes.is_empty());
    }
    world.pass(2 * MINUTE).await;
    world.email.books().assert_sent_count(1);
    let tally = bus.tally(&DeliveryFilter::new()).await.unwrap();
    assert_eq!(tally.iter().map(|tally| tally.count).sum::<u64>(), 1);
}

fn file(name: &str, kind: &str, content: &str) -> Attachment {
    Attachment::new(name, kind, content.as_bytes().to_vec())
}

/// Whatever differs, and wherever one field ends and the next begins.
#[tokio::test(start_paused = true)]
async fn events_that_differ_in_anything_have_different_fingerprints() {
    let world = World::new();
    let bus = world.start().await;
    let with = |files: Vec<Attachment>| Event {
        attachments: files,
        ..note("a")
    };
    let to = |recipients: Vec<Recipient>| Event {
        to: recipients,
        ..note("a")
    };
    let events = [
        with(vec![file("a", "text/plain", "b")]),
        with(vec![file("a", "text/plain", "c")]),
        with(vec![file("b", "text/plain", "b")]),
        with(vec![file("a", "text/html", "b")]),
        with(vec![file("a", "text/plain", "b").inline("b")]),
        with(vec![file("a", "text/plain", "bb")]),
        with(vec![
            file("a", "text/plain", "b"),
            file("a", "text/plain", ""),
        ]),
        with(vec![
            file("a", "text/plain", "b"),
            file("a", "text/plain", "b"),
        ]),
        to(vec![person(1), person(2)]),
        to(vec![person(2), person(1)]),
        to(vec![person(1).id("ab")]),
        to(vec![person(1).id("a").name("b")]),
        to(vec![person(1).name("ab")]),
        to(vec![person(1).name("a").locale("b")]),
        to(vec![person(1).data(json!(["a", "b"]))]),
        to(vec![person(1).data(json!(["ab"]))]),
        to(vec![person(1).data(json!({ "a": "b" }))]),
        to(vec![person(1).data(json!([["a"], "b"]))]),
        to(vec![person(1).data(json!([["a", "b"]]))]),
        note("a").send_at(world.at(MINUTE)),
        note("a").expires_at(world.at(MINUTE)),
    ];
    let mut seen = std::collections::BTreeMap::new();
    for (number, event) in events.iter().enumerate() {
        let (prepared, _) = bus.prepare(event.clone()).unwrap().into_parts();
        let fingerprint = prepared.idempotency.unwrap().fingerprint.0;
        if let Some(other) = seen.insert(fingerprint, number) {
            panic!("{number} and {other} are the same: {event:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_content_makes_no_conflict() {
    let world = World::new();
    let bus = world.start().await;
    let parsed = |text: &str| serde_json::from_str(text).unwrap();
    let one = with_data(Idempotency::key("k"), parsed(r#"{"n":"x","a":[1,2]}"#));
    let two = with_data(Idempotency::key("k"), parsed(r#"{"a":[1,2],"n":"x"}"#));
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let two = two.trace(TraceContext::new(parent, None).unwrap());
    publish(&bus, one).await;
    assert_eq!(bus.publish(two).await.unwrap().verdict, Verdict::Duplicate);
}

#[tokio::test(start_paused = true)]
async fn within_one_batch_too() {
    let world = World::new();
    let bus = world.start().await;
    let invalid = note("b").tenant("not a tenant");
    let batch = vec![
        note("a"),
        invalid,
        note("a"),
        note("a").class(Class::Bulk),
        note("c"),
    ];
    let answers = bus.publish_all(batch).await.unwrap();
    let verdicts: Vec<_> = answers
        .iter()
        .map(|answer| answer.as_ref().ok().map(|published| published.verdict))
        .collect();
    assert_eq!(
        verdicts,
        [
            Some(Verdict::Accepted),
            None,
            Some(Verdict::Duplicate),
            Some(Verdict::Conflict),
            Some(Verdict::Accepted)
        ]
    );
    assert_eq!(answers[1].as_ref().unwrap_err().field(), "tenant");
    let event = |index: usize| answers[index].as_ref().unwrap().event;
    assert_eq!(event(2), event(0));
    assert_eq!(event(3), event(0));
    bus.idle().await;
    world.email.books().assert_sent_count(2);
}

#[tokio::test(start_paused = true)]
async fn keys_can_be_derived_from_the_data() {
    let world = World::new();
    let bus = world.start().await;
    let derived = || Idempotency::fields(["invoice", "n"]);
    let verdict = async |idempotency, data| {
        let event = with_data(idempotency, data);
        bus.publish(event).await.unwrap().verdict
    };
    let first = json!({ "invoice": 1, "n": "x", "extra": 1 });
    assert_eq!(verdict(derived(), first.clone()).await, Verdict::Accepted);
    assert_eq!(verdict(derived(), first).await, Verdict::Duplicate);
    let other_extra = json!({ "invoice": 1, "n": "x", "extra": 2 });
    assert_eq!(verdict(derived(), other_extra).await, Verdict::Conflict);
    let other_invoice = json!({ "invoice": 2, "n": "x", "extra": 1 });
    assert_eq!(verdict(derived(), other_invoice).await, Verdict::Accepted);
    let text = json!({ "invoice": "1", "n": "x", "extra": 1 });
    assert_eq!(verdict(derived(), text).await, Verdict::Accepted);
    let missing = with_data(derived(), json!({ "n": "x" }));
    let error = bus.publish(missing).await.unwrap_err();
    assert!(!error.is_transient());
}

#[tokio::test(start_paused = true)]
async fn without_a_key_every_publish_is_new() {
    let world = World::new();
    let bus = world.start().await;
    for _ in 0..3 {
        let event = with_data(Idempotency::None, json!({ "n": "x" }));
        send_now(&bus, event).await;
    }
    world.email.books().assert_sent_count(3);
}

#[tokio::test(start_paused = true)]
async fn a_key_lives_as_long_as_its_event() {
    let world = World::new();
    let bus = world.start().await;
    send_now(&bus, note("a")).await;
    world.pass(MINUTE).await;
    let waits = publish(&bus, note_to(person(1), "b").send_at(world.at(5 * MINUTE))).await;
    let at_once = Retention::new(Duration::ZERO);
    assert_eq!(bus.purge(&at_once).await.unwrap(), 1);
    assert_eq!(
        bus.publish(note("a")).await.unwrap().verdict,
        Verdict::Accepted
    );
    world.pass(10 * MINUTE).await;
    world
        .email
        .books()
        .assert_sent_once(waits.routes[0].delivery);
}

#[tokio::test(start_paused = true)]
async fn in_the_hosts_own_transaction() {
    let world = World::new();
    let bus = world.start().await;
    bus.idle().await;
    let publish_in = async |event| {
        let (event, published) = bus.prepare(event).unwrap().into_parts();
        let answers = bus.store().accept(vec![event], Vec::new()).await.unwrap();
        let wake = bus.wake();
        let committed: Result<(), ()> = wake.after(async { Ok(()) }).await;
        committed.unwrap();
        assert!(!matches!(answers[0], Acceptance::Conflict(_)));
        bus.answer(published, &answers[0])
    };
    let first = publish_in(note("a")).await;
    let second = publish_in(note("a")).await;
    assert_eq!(second.verdict, Verdict::Duplicate);
    assert_eq!(second.routes, first.routes);
    bus.idle().await;
    world
        .email
        .books()
        .assert_sent_once(first.routes[0].delivery);
    assert!(world.now() < S, "it was woken");

    // What the host rolls back was never there.
    let rolled_back: Result<(), &str> = bus.wake().after(async { Err("rolled back") }).await;
    rolled_back.unwrap_err();
    drop(bus.prepare(note("b")).unwrap());
    world.pass(MINUTE).await;
    world.email.books().assert_sent_count(1);
}

#[tokio::test(start_paused = true)]
async fn plan_and_render_store_and_send_nothing() {
    let world = World::new();
    let bus = world.start().await;
    let event = note("a").to(Recipient::new());
    let plan = bus.plan(&event).unwrap();
    assert!(plan.rule);
    assert_eq!(plan.deliveries[0].providers[0].as_str(), "mail");
    assert_eq!(plan.deliveries[0].answer, Answer::Queued);
    assert_eq!(plan.deliveries[1].answer, Answer::NoRoute);
    let previews = bus.render(&event).unwrap();
    assert_eq!(previews.len(), 1);
    assert_eq!(previews[0].parts.text("subject.txt"), "a");
    bus.idle().await;
    assert!(bus.tally(&DeliveryFilter::new()).await.unwrap().is_empty());
    assert_eq!(world.email.requests().len(), 0);
}

/// What was stored behind the engine's back is sent when it is told, and not at the next poll.
#[tokio::test(start_paused = true)]
async fn a_wake_up_wakes() {
    let world = World::new();
    let options = EngineOptions::default().with_poll(MINUTE);
    let bus = world
        .engine(world.mail())
        .options(options)
        .start()
        .await
        .unwrap();
    bus.idle().await;
    world.pass(S).await;
    let (event, _) = bus.prepare(note("a")).unwrap().into_parts();
    bus.store().accept(vec![event], Vec::new()).await.unwrap();
    world.pass(Duration::from_millis(100)).await;
    assert_eq!(world.email.requests().len(), 0, "nobody was told");
    bus.wake().now();
    world.pass(Duration::from_millis(1)).await;
    world.email.books().assert_sent_count(1);
}
