//! Hostile input at publish: a typed error that names the field, or an accounted end; never a
//! panic, and never an injected line.

use serde_json::{Value, json};
use signalbus::{
    Answer, Attachment, Event, Idempotency, PublishError, PublishLimits, Recipient, TenantId,
    Verdict,
    store::{EndState, Reason},
};

use crate::common::{
    S, World, ada, assert_ended, attempts, note, note_to, person, publish, send, send_now,
};

const HOSTILE: [&str; 5] = [
    "a\r\nBcc: mallory@example.org",
    "a\nb",
    "a\0b",
    "a\u{202e}b",
    "a\u{1b}[2Jb",
];

/// An array in an array in an array, and so on.
fn nested(levels: usize) -> Value {
    (0..levels).fold(Value::Null, |inner, _| Value::Array(vec![inner]))
}

/// The field that a publish complains about.
async fn refused(bus: &signalbus::Signalbus, event: Event) -> String {
    let error = bus.publish(event).await.unwrap_err();
    assert!(!error.is_transient());
    let PublishError::Invalid(invalid) = error else {
        unreachable!("{error}");
    };
    let said = invalid.to_string();
    assert!(!said.contains(char::is_control), "{said:?}");
    assert!(said.len() < 700, "{} bytes", said.len());
    invalid.field().to_owned()
}

#[tokio::test(start_paused = true)]
async fn names_with_other_characters_are_refused() {
    let world = World::new();
    let bus = world.start().await;
    let long = "x".repeat(129);
    for text in HOSTILE.into_iter().chain(["", &long]) {
        let topic = Event::new(text, Idempotency::None).to(ada());
        assert_eq!(refused(&bus, topic).await, "topic");
        assert_eq!(refused(&bus, note("a").tenant(text)).await, "tenant");
        if !text.is_empty() {
            assert_eq!(refused(&bus, note("a").locale(text)).await, "locale");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_one_recipient_costs_nobody_else() {
    let world = World::new();
    let bus = world.start().await;
    let long = "x".repeat(129);
    for (number, text) in HOSTILE.into_iter().chain(["", &long]).enumerate() {
        // No locale, for the event or one of its recipients, is as good as none.
        let event = note_to(person(1), &number.to_string());
        let event = event.to(person(2).locale(text)).locale("");
        let published = publish(&bus, event).await;
        bus.idle().await;
        for route in &published.routes {
            assert_ended(&bus, route.delivery, EndState::Accepted, Reason::Sent).await;
        }
        let kept = bus
            .event(&TenantId::default(), published.event)
            .await
            .unwrap();
        for kept in kept.unwrap().recipients {
            assert_eq!(kept.recipient.unwrap().locale, None);
        }
    }
    let address = format!("{}@example.org", "x".repeat(3_000));
    let event = note_to(Recipient::new().email(address), "long").to(person(2));
    let published = publish(&bus, event).await;
    bus.idle().await;
    assert!(matches!(published.routes[0].answer, Answer::Rejected(_)));
    let [bad, good] = [0, 1].map(|route: usize| published.routes[route].delivery);
    assert_ended(&bus, bad, EndState::Dead, Reason::InvalidAddress).await;
    assert_ended(&bus, good, EndState::Accepted, Reason::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn who_is_named_twice_is_sent_one_message() {
    let world = World::new();
    let bus = world.start().await;
    let again = Recipient::new()
        .id("eve")
        .email("Ada@EXAMPLE.org")
        .sms("+44 7700 900 124");
    let event = Event::new("both", Idempotency::None)
        .to(ada())
        .to(person(1))
        .to(again)
        .data(json!({ "n": "x" }));
    let published = publish(&bus, event).await;
    bus.idle().await;
    world.email.books().assert_sent_count(2);
    // Another number is another recipient there.
    world.sms.books().assert_sent_count(2);
    let repeated = &published.routes[3];
    assert_eq!(repeated.recipient, 2);
    let Answer::Rejected(why) = &repeated.answer else {
        panic!("{repeated:?}");
    };
    assert!(why.contains("to[0]"), "{why}");
    assert_ended(
        &bus,
        repeated.delivery,
        EndState::NotNeeded,
        Reason::Repeated,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_could_never_be_sent_is_refused() {
    let world = World::new();
    let bus = world.start().await;
    world.pass(10 * S).await;
    let unkeyed = || {
        Event::new("note", Idempotency::None)
            .to(ada())
            .data(json!({ "n": 1 }))
    };
    let passed = unkeyed().expires_at(world.at(9 * S));
    assert_eq!(refused(&bus, passed.clone()).await, "expires_at");
    for event in [unkeyed(), note("a")] {
        for early in [10, 60] {
            let event = event
                .clone()
                .send_at(world.at(60 * S))
                .expires_at(world.at(early * S));
            assert_eq!(refused(&bus, event).await, "expires_at");
        }
    }
    // With a key it may be the repeat of what was sent before it expired.
    let keyed = note("b").expires_at(world.at(11 * S));
    let first = publish(&bus, keyed.clone()).await;
    bus.idle().await;
    world.pass(10 * S).await;
    let repeat = bus.publish(keyed).await.unwrap();
    assert_eq!(
        (repeat.verdict, repeat.event),
        (Verdict::Duplicate, first.event)
    );
    world.email.books().assert_sent_count(1);
}

#[tokio::test(start_paused = true)]
async fn more_than_one_transaction_should_hold_is_refused_whole() {
    let world = World::new();
    let limits = PublishLimits::default().with_batch(10);
    let bus = world
        .engine(world.mail())
        .limits(limits)
        .start()
        .await
        .unwrap();
    let two = |number: usize| note_to(person(number), &number.to_string()).to(person(100));
    let error = bus
        .publish_all((0..6).map(two).collect())
        .await
        .unwrap_err();
    let PublishError::Invalid(invalid) = &error else {
        panic!("{error}");
    };
    assert_eq!(invalid.field(), "events");
    assert!(invalid.problem().contains("at most 10"), "{invalid}");
    for answer in bus.publish_all((0..5).map(two).collect()).await.unwrap() {
        assert_eq!(answer.unwrap().verdict, Verdict::Accepted);
    }
    // One event is as large as it may be.
    let many = (0..11)
        .map(person)
        .fold(Event::new("note", Idempotency::None), Event::to);
    publish(&bus, many.data(json!({ "n": 1 }))).await;
    assert_eq!(PublishLimits::default().batch, 10_000);
}

#[tokio::test(start_paused = true)]
async fn keys_and_ids_of_any_length_or_with_nul_are_refused() {
    let world = World::new();
    let bus = world.start().await;
    let long = "x".repeat(256);
    for text in ["", "a\0b", &long] {
        let mut event = note("a");
        event.idempotency = Idempotency::key(text);
        assert_eq!(refused(&bus, event).await, "idempotency");
        let person = note_to(ada().id(text), "a");
        assert_eq!(refused(&bus, person).await, "to[0].id");
    }
    let mut no_field = note("a");
    no_field.idempotency = Idempotency::fields([]);
    assert_eq!(refused(&bus, no_field).await, "idempotency");
    let mut hostile_field = note("a");
    hostile_field.idempotency = Idempotency::Fields(vec![HOSTILE[0].to_owned()]);
    assert_eq!(refused(&bus, hostile_field).await, "idempotency");
}

/// What is longer than any mail can carry is refused, and not dead later.
#[tokio::test(start_paused = true)]
async fn a_name_is_as_long_as_it_can_be_sent() {
    let world = World::new();
    let bus = world.start().await;
    let named = |bytes: usize| note_to(ada().name("x".repeat(bytes)), &bytes.to_string());
    assert_eq!(refused(&bus, named(321)).await, "to[0].name");
    let longest = send_now(&bus, named(320)).await;
    assert_ended(&bus, longest, EndState::Accepted, Reason::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_too_large_or_too_deep_is_refused() {
    let world = World::new();
    let bus = world.start().await;
    let ten_megabytes = json!({ "n": "x".repeat(10 * 1024 * 1024) });
    assert_eq!(refused(&bus, note("a").data(ten_megabytes)).await, "data");
    for levels in [65, 100_000] {
        let data = note("a").data(nested(levels));
        assert_eq!(refused(&bus, data).await, "data");
        let person = note_to(ada().data(nested(levels)), "a");
        assert_eq!(refused(&bus, person).await, "to[0].data");
        let mut options = note("a");
        options.options.insert("email".to_owned(), nested(levels));
        assert_eq!(refused(&bus, options).await, "options.email");
    }
    send_now(
        &bus,
        note("a").data(json!({ "n": "x", "deep": nested(60) })),
    )
    .await;
    // However deep data may be by the limits: what could not be read back is never accepted.
    let mut limits = PublishLimits::default();
    limits.depth = usize::MAX;
    let deep = world.engine(world.mail()).limits(limits).start();
    let deep = deep.await.unwrap();
    let data = note("b").data(nested(121));
    assert_eq!(refused(&deep, data).await, "data");
    let many = (0..1_001).fold(note("many"), |event, _| event.to(ada()));
    assert_eq!(refused(&bus, many).await, "to");
    let nobody = Event::new("note", Idempotency::None);
    assert_eq!(refused(&bus, nobody).await, "to");
    world.email.books().assert_sent_count(1);
}

#[tokio::test(start_paused = true)]
async fn options_and_attachments_are_checked() {
    let world = World::new();
    let bus = world.start().await;
    let with_options = |channel: &str, options: Value| {
        let mut event = note("a");
        event.options.insert(channel.to_owned(), options);
        event
    };
    let fax = with_options("fax", json!({}));
    assert_eq!(refused(&bus, fax).await, "options.fax");
    for options in [json!(7), json!({ "cc": "x" }), json!({ "unknown": 1 })] {
        let event = with_options("email", options);
        assert_eq!(refused(&bus, event).await, "options.email");
    }
    for text in HOSTILE {
        // The field is named, in a form that fits a log.
        refused(&bus, with_options(text, json!({}))).await;
        // A switch of direction breaks no line.
        if text != HOSTILE[3] {
            let header = json!({ "headers": [{ "name": "X-A", "value": text }] });
            let event = with_options("email", header);
            assert_eq!(refused(&bus, event).await, "options.email");
            let file = note("a").attach(Attachment::new(text, "text/plain", "x"));
            assert_eq!(refused(&bus, file).await, "attachments");
        }
        let file = note("a").attach(Attachment::new("a.txt", format!("text/{text}\n"), "x"));
        assert_eq!(refused(&bus, file).await, "attachments");
    }
    let large = vec![0; Attachment::MAX_TOTAL + 1];
    let file = note("a").attach(Attachment::new("a.bin", "application/octet-stream", large));
    assert_eq!(refused(&bus, file).await, "attachments");
}

#[tokio::test(start_paused = true)]
async fn an_address_that_cannot_be_used_is_an_accounted_end() {
    let world = World::new();
    let bus = world.start().await;
    let long = format!("{}@example.org", "x".repeat(2_000));
    for text in HOSTILE.into_iter().chain(["", "@", &long]) {
        for address in [text.to_owned(), format!("{text}@example.org")] {
            if address.len() > 2_048 {
                let event = note_to(Recipient::new().email(address), "a");
                assert_eq!(refused(&bus, event).await, "to[0].addresses.email");
                continue;
            }
            let mut event = note_to(Recipient::new().email(&address), "a");
            event.idempotency = Idempotency::None;
            let published = publish(&bus, event).await;
            let answer = format!("{:?}", published.routes[0].answer);
            assert!(answer.starts_with("Rejected"), "{address:?}: {answer}");
            let id = published.routes[0].delivery;
            assert_ended(&bus, id, EndState::Dead, Reason::InvalidAddress).await;
        }
    }
    assert_eq!(world.email.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn text_that_would_break_a_header_is_an_accounted_end() {
    let world = World::new();
    let bus = world.start().await;
    for (number, text) in HOSTILE.into_iter().enumerate() {
        let name = note_to(ada().name(text), &format!("name {number}"));
        let id = send_now(&bus, name).await;
        assert_ended(&bus, id, EndState::Dead, Reason::ComposeFailed).await;
        if text == HOSTILE[3] {
            continue;
        }
        let mut subject = note("").data(json!({ "n": text }));
        subject.idempotency = Idempotency::None;
        let id = send_now(&bus, subject).await;
        assert_ended(&bus, id, EndState::Dead, Reason::RenderFailed).await;
        let detail = attempts(&bus, id).await[0].detail.clone().unwrap();
        assert!(!detail.contains("mallory"), "{detail}");
    }
    // And the engine lives.
    let id = send(&bus, note("fine")).await;
    bus.idle().await;
    world.email.books().assert_sent_once(id);
    assert_eq!(world.email.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_provider_cannot_inject_lines_or_novels() {
    let world = World::new();
    let bus = world.start().await;
    let novel = "x\n  now accepted\n".repeat(10_000);
    world.email.next([
        signalbus_testkit::provider::Play::fail({
            let novel = novel.clone();
            move || {
                signalbus::provider::SendError::permanent(
                    signalbus::provider::Fault::Recipient,
                    novel.clone(),
                )
                .with_code(novel.clone())
            }
        }),
        signalbus_testkit::provider::Play::accept_with_id(novel),
    ]);
    let refused = send_now(&bus, note("a")).await;
    let accepted = send_now(&bus, note("b")).await;
    assert_ended(&bus, accepted, EndState::Accepted, Reason::Sent).await;
    let tenant = signalbus::TenantId::default();
    for id in [refused, accepted] {
        let story = bus.explain(&tenant, id).await.unwrap().unwrap().to_string();
        assert!(story.len() < 2_000, "{} bytes", story.len());
        let conclusions = story.lines().filter(|line| line.starts_with("  now "));
        assert_eq!(conclusions.count(), 1, "{story}");
    }
}
