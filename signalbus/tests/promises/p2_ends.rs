//! P2: every delivery ends in exactly one state, and its history says why.

use serde_json::json;
use signalbus::{
    Answer, Event, Idempotency, Recipient, Templates, TenantId,
    channel::{Address, email::EmailAddress},
    provider::{Fault, Outcome, SendError},
    store::{AttemptOutcome, EndState, Entry, Reason, State},
};
use signalbus_testkit::provider::Play;

use crate::common::{
    MINUTE, S, World, ada, assert_ended, attempts, delivery, every, history, note, note_to,
    publish, reasons, seconds, send, send_now,
};

#[tokio::test(start_paused = true)]
async fn taken_at_once() {
    let world = World::new();
    let bus = world.start().await;
    world.email.next([Play::accept_with_id("msg-1")]);
    let id = send_now(&bus, note("a")).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    world.email.books().assert_sent_once(id);
    let record = delivery(&bus, id).await;
    assert_eq!(record.provider.unwrap().as_str(), "mail");
    assert_eq!(record.provider_message_id.as_deref(), Some("msg-1"));
    assert_eq!(attempts(&bus, id).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn retried_then_taken() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(10 * S))).await;
    world
        .email
        .next([Play::retryable(Fault::Provider), Play::cut_before_start()]);
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    assert_eq!(seconds(&world.email.requests()), [0, 10, 20]);
    world.email.books().assert_sent_once(id);

    let attempts = attempts(&bus, id).await;
    let numbers: Vec<u32> = attempts.iter().map(|attempt| attempt.attempt).collect();
    assert_eq!(numbers, [1, 2, 3]);
    let next: Vec<&str> = attempts.iter().map(|attempt| &*attempt.next).collect();
    assert_eq!(next, ["retry", "retry", "accepted"]);
    let started: Vec<bool> = attempts
        .iter()
        .map(|attempt| attempt.request_started)
        .collect();
    assert_eq!(started, [true, false, true]);
    assert_eq!(attempts[0].fault, Some(Fault::Provider));
    assert_eq!(attempts[0].retry_in, Some(10 * S));
    assert_eq!(
        attempts[1].outcome,
        AttemptOutcome::Failed(Outcome::Retryable)
    );
}

#[tokio::test(start_paused = true)]
async fn dead_after_the_last_try_with_its_whole_history() {
    let world = World::new();
    let policy = every(10 * S).with_max_attempts(4);
    let bus = world.start_with(world.mail().retry(policy)).await;
    world.email.default(Play::fail(|| {
        SendError::retryable(Fault::Provider, "mailbox busy")
            .with_code("450 4.2.1")
            .with_source("while asking https://mail.test/send?token=1234")
    }));
    let id = send(&bus, note("a")).await;
    world.pass(10 * MINUTE).await;
    assert_ended(&bus, id, EndState::Dead, Reason::AttemptsExhausted).await;
    assert_eq!(seconds(&world.email.requests()), [0, 10, 20, 30]);
    let attempts = attempts(&bus, id).await;
    assert_eq!(attempts.len(), 4);
    for attempt in &attempts {
        assert_eq!(attempt.code.as_deref(), Some("450 4.2.1"));
        let detail = attempt.detail.as_deref();
        // What caused it may quote anything, and history is kept.
        assert_eq!(detail, Some("mailbox busy"));
        assert_eq!(attempt.provider.as_ref().unwrap().as_str(), "mail");
    }
    assert_eq!(attempts[3].next, "dead");
    let story = bus
        .explain(&TenantId::default(), id)
        .await
        .unwrap()
        .unwrap();
    let story = story.to_string();
    for line in [
        "attempt 4 at mail: retryable, fault of the provider [450 4.2.1]: mailbox busy; dead",
        "now dead (attempts_exhausted)",
    ] {
        assert!(story.contains(line), "{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn refused_for_good() {
    let world = World::new();
    let bus = world.start().await;
    world.email.default(Play::permanent(Fault::Recipient));
    let id = send_now(&bus, note("a")).await;
    assert_ended(&bus, id, EndState::Dead, Reason::Refused).await;
    world.pass(10 * MINUTE).await;
    assert_eq!(world.email.requests().len(), 1, "it is not tried again");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_can_put_the_address_on_the_suppression_list() {
    let world = World::new();
    let bus = world.start().await;
    world.email.next([Play::fail(|| {
        SendError::permanent(Fault::Recipient, "no such user").with_suppression()
    })]);
    let first = send_now(&bus, note("a")).await;
    let second = send_now(&bus, note("b")).await;
    let other = Recipient::new().email("bob@example.org");
    let other = send_now(&bus, note_to(other, "c")).await;
    assert_ended(&bus, first, EndState::Dead, Reason::Refused).await;
    assert_ended(&bus, second, EndState::Suppressed, Reason::Suppressed).await;
    assert_ended(&bus, other, EndState::Accepted, Reason::Sent).await;
    assert_eq!(world.email.books().requests_of(second).len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_suppressed_address_gets_nothing_until_it_is_taken_off_the_list() {
    let world = World::new();
    let bus = world.start().await;
    let tenant = TenantId::default();
    // Another spelling of the same place.
    bus.suppress(&tenant, "email", "ada@EXAMPLE.org", "manual")
        .await
        .unwrap();
    let id = send_now(&bus, note("a")).await;
    assert_ended(&bus, id, EndState::Suppressed, Reason::Suppressed).await;
    let ended = Entry::Ended {
        state: EndState::Suppressed,
        reason: Reason::Suppressed,
        detail: Some("manual".to_owned()),
    };
    assert_eq!(history(&bus, id).await, [ended]);

    let foreign = send_now(&bus, note("a").tenant("other")).await;
    world.email.books().assert_sent_once(foreign);

    assert!(
        bus.unsuppress(&tenant, "email", "ada@example.org")
            .await
            .unwrap()
    );
    let id = send_now(&bus, note("b")).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn without_a_route_that_is_recorded() {
    let world = World::new();
    let bus = world.start().await;
    let no_rule = Event::new("unheard.of", Idempotency::None).to(ada());
    let no_address = note_to(Recipient::new().sms("+447700900123"), "a");
    for event in [no_rule, no_address] {
        let published = publish(&bus, event).await;
        assert_eq!(published.routes[0].answer, Answer::NoRoute);
        assert_eq!(published.deliveries(), 0);
        let id = published.routes[0].delivery;
        assert_ended(&bus, id, EndState::NotNeeded, Reason::NoRoute).await;
        assert_eq!(history(&bus, id).await.len(), 1);
    }
    bus.idle().await;
    assert_eq!(world.email.requests().len() + world.sms.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_recipient_and_channel_is_accounted_for() {
    let world = World::new();
    let bus = world.start().await;
    let event = Event::new("both", Idempotency::None)
        .to(ada())
        .to(Recipient::new().email("not an address"))
        .to(Recipient::new().email("bob@example.org"))
        .to(Recipient::new())
        .data(json!({ "n": "x" }));
    let refused = EmailAddress::parse("bob@example.org").unwrap();
    world
        .email
        .to(&refused, [Play::permanent(Fault::Recipient)]);
    let published = publish(&bus, event).await;
    bus.idle().await;

    let places: Vec<(usize, Option<&str>)> = published
        .routes
        .iter()
        .map(|route| (route.recipient, route.channel.as_ref().map(AsRef::as_ref)))
        .collect();
    assert_eq!(
        places,
        [
            (0, Some("email")),
            (0, Some("sms")),
            (1, Some("email")),
            (2, Some("email")),
            (3, None)
        ]
    );
    assert_eq!(published.deliveries(), 3);
    assert!(matches!(published.routes[2].answer, Answer::Rejected(_)));
    let ids: Vec<_> = published
        .routes
        .iter()
        .map(|route| route.delivery)
        .collect();
    assert_eq!(
        reasons(&bus, &ids).await,
        [
            Some(Reason::Sent),
            Some(Reason::Sent),
            Some(Reason::InvalidAddress),
            Some(Reason::Refused),
            Some(Reason::NoRoute)
        ]
    );
    let event = bus
        .event(&TenantId::default(), published.event)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(event.deliveries.len(), 5);
    assert!(
        event
            .deliveries
            .iter()
            .all(|delivery| matches!(delivery.state, State::Ended(_)))
    );
}

#[tokio::test(start_paused = true)]
async fn what_ends_without_a_try_says_exactly_why() {
    let world = World::new();
    let bus = world.start().await;
    let tenant = TenantId::default();
    bus.suppress(&tenant, "email", "ada@example.org", "complained")
        .await
        .unwrap();
    let no_rule = Event::new("unheard.of", Idempotency::None).to(ada());
    let no_address = Event::new("both", Idempotency::None).to(Recipient::new());
    let invalid = note_to(Recipient::new().email("not an address"), "a");
    for (event, line) in [
        (
            no_rule,
            "ended as not_needed (no_route): the policy has no rule for the topic unheard.of",
        ),
        (
            no_address,
            "ended as not_needed (no_route): the recipient has no address for any channel of the \
             topic both: email, sms",
        ),
        (
            invalid,
            "ended as dead (invalid_address): an e-mail address needs an '@'",
        ),
        (note("b"), "ended as suppressed: complained"),
    ] {
        let id = send_now(&bus, event).await;
        let story = bus.explain(&tenant, id).await.unwrap().unwrap().to_string();
        assert!(story.contains(line), "{story}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_render_or_compose_is_dead_at_once_and_says_why() {
    let world = World::new();
    let templates = Templates::new()
        .part("note", "en", "subject.txt", "{{ data.missing }}")
        .and_then(|templates| templates.part("note", "en", "body.txt", "x"))
        .and_then(|templates| templates.part("long", "en", "subject.txt", "{{ data.n * 999 }}"))
        .and_then(|templates| templates.part("long", "en", "body.txt", "x"))
        .unwrap();
    let policy = signalbus::Policy::new()
        .on::<signalbus::channel::Email>("note")
        .on::<signalbus::channel::Email>("long")
        .on::<signalbus::channel::Email>("none");
    let bus = world
        .engine(world.mail())
        .templates(templates)
        .templates_later()
        .policy(policy)
        .start()
        .await
        .unwrap();
    let on_topic = |topic: &str, n: &str| {
        Event::new(topic, Idempotency::None)
            .to(ada())
            .data(json!({ "n": n }))
    };
    for (event, reason, says) in [
        (on_topic("note", "x"), Reason::RenderFailed, "missing"),
        (on_topic("none", "x"), Reason::RenderFailed, "none"),
        (on_topic("long", "ab"), Reason::ComposeFailed, "1998 bytes"),
    ] {
        let id = send_now(&bus, event).await;
        assert_ended(&bus, id, EndState::Dead, reason).await;
        let attempts = attempts(&bus, id).await;
        assert_eq!(attempts.len(), 1);
        assert_eq!(attempts[0].provider, None, "nobody was asked");
        assert!(!attempts[0].request_started);
        let detail = attempts[0].detail.as_deref().unwrap();
        assert!(detail.contains(says), "{detail}");
    }
    assert_eq!(world.email.requests().len(), 0);
}
