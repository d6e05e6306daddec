//! P8: polite retries. What a provider sees in trouble.

use std::{sync::Arc, time::Duration};

use signalbus::{
    RetryPolicy,
    channel::Address as _,
    provider::{Capabilities, Fault, Rate, SendError},
    store::{EndState, Reason},
};
use signalbus_testkit::provider::{Play, Request, ScriptedProvider};

use crate::common::{
    MINUTE, S, World, assert_ended, assert_waiting, attempts, every, note, note_to, person,
    seconds, send, send_now,
};

fn busy(wait: Duration) -> Play {
    Play::fail(move || {
        SendError::retryable(Fault::Quota, "slow down")
            .with_code("429")
            .with_retry_after(wait)
    })
}

async fn flood(bus: &signalbus::Signalbus, count: usize) -> Vec<signalbus::DeliveryId> {
    let events = (0..count).map(|number| note_to(person(number), &number.to_string()));
    let answers = bus.publish_all(events.collect()).await.unwrap();
    let first = |answer: Result<signalbus::Published, _>| -> signalbus::DeliveryId {
        answer.unwrap().routes[0].delivery
    };
    answers.into_iter().map(first).collect()
}

fn between(requests: &[Request], from: Duration, to: Duration) -> usize {
    let within = |request: &&Request| (from..to).contains(&request.called.monotonic);
    requests.iter().filter(within).count()
}

#[tokio::test(start_paused = true)]
async fn nothing_is_sent_before_retry_after() {
    let world = World::new();
    let bus = world.start().await;
    world.email.next([busy(90 * S)]);
    let first = send_now(&bus, note_to(person(1), "a")).await;
    let second = send(&bus, note_to(person(2), "b")).await;
    world.pass(3 * MINUTE).await;
    let requests = world.email.requests();
    assert_eq!(between(&requests, S, 90 * S), 0, "{:?}", seconds(&requests));
    assert_eq!(
        between(&requests, 90 * S, 100 * S),
        2,
        "{:?}",
        seconds(&requests)
    );
    for id in [first, second] {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    }
}

/// What the provider cannot take is at fault, though the provider says that it is itself.
#[tokio::test(start_paused = true)]
async fn messages_that_always_fail_do_not_speak_for_the_provider() {
    let world = World::new();
    let bus = world.start().await;
    world.email.when(
        move |delivery| (0..5).any(|number| delivery.to.as_str().contains(&format!("-{number}@"))),
        Play::retryable(Fault::Provider),
    );
    flood(&bus, 5).await;
    world.pass(MINUTE).await;
    let good = flood(&bus, 60).await.split_off(5);
    world.pass(5 * MINUTE).await;
    for delivery in good {
        world.email.books().assert_sent_once(delivery);
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_may_have_been_sent_counts() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(S))).await;
    world.email.default(Play::cut());
    let id = send_now(&bus, note_to(person(1), "a")).await;
    world.pass(30 * MINUTE).await;
    let (state, reason) = (EndState::OutcomeUnknown, Reason::AttemptsExhausted);
    assert_ended(&bus, id, state, reason).await;
    assert_eq!(world.email.requests().len(), 12);
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_all_reason_ends_the_message_and_not_the_provider() {
    for unreasonable in [Duration::from_secs(10 * 365 * 24 * 60 * 60), Duration::MAX] {
        let world = World::new();
        let bus = world.start().await;
        world.email.next([busy(unreasonable)]);
        let dead = send_now(&bus, note_to(person(1), "a")).await;
        assert_ended(&bus, dead, EndState::Dead, Reason::RetryAfterTooLong).await;
        let next = send(&bus, note_to(person(2), "b")).await;
        world.pass(5 * MINUTE).await;
        world.email.books().assert_sent_once(next);
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_its_expiry_ends_the_message() {
    let world = World::new();
    let bus = world.start().await;
    world.email.next([busy(2 * MINUTE)]);
    let id = send_now(&bus, note("a").expires_at(world.at(MINUTE))).await;
    assert_ended(&bus, id, EndState::Expired, Reason::Expired).await;
}

#[tokio::test(start_paused = true)]
async fn an_outage_uses_up_no_attempts_and_recovery_ramps_up() {
    let world = World::new();
    let policy = RetryPolicy::default().with_max_attempts(3);
    let bus = world.start_with(world.mail().retry(policy)).await;
    world
        .email
        .default(Play::fail(|| SendError::retryable(Fault::Provider, "down")).after(S / 10));
    let mut ids = flood(&bus, 5).await;
    world.pass(S).await;
    ids.extend(
        flood(&bus, 300)
            .await
            .into_iter()
            .skip(5)
            .collect::<Vec<_>>(),
    );
    world.pass_until(10 * MINUTE).await;
    let tries = world.email.requests().len();
    assert!(
        (25..=45).contains(&tries),
        "it opens, and then probes only: {tries}"
    );

    world.email.default(Play::accept().after(S / 10));
    world.pass(10 * MINUTE).await;
    for id in &ids {
        assert_ended(&bus, *id, EndState::Accepted, Reason::Sent).await;
    }
    let requests = world.email.requests();
    let recovered = requests.iter().find(|request| request.taken).unwrap();
    let at = recovered.called.monotonic;
    let of_tenths = |n: u32| between(&requests, at + n * S / 10, at + (n + 1) * S / 10);
    assert_eq!(of_tenths(0), 1, "the probe");
    assert!(of_tenths(1) <= 2 && of_tenths(2) <= 5, "a ramp");
    assert!(world.email.books().most_in_flight() <= 64);
}

#[tokio::test(start_paused = true)]
async fn faults_of_recipients_do_not_open_the_breaker() {
    let world = World::new();
    let bus = world.start().await;
    world.email.default(Play::permanent(Fault::Recipient));
    flood(&bus, 50).await;
    bus.idle().await;
    world.email.heal();
    let id = send_now(&bus, note("a")).await;
    world.email.books().assert_sent_once(id);
    assert_eq!(world.now(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn wrong_credentials_pause_the_provider_and_keep_its_messages() {
    let world = World::new();
    let policy = every(S).with_max_attempts(2);
    let bus = world.start_with(world.mail().retry(policy)).await;
    world.email.default(Play::permanent(Fault::Configuration));
    let mut ids = vec![send_now(&bus, note_to(person(1), "a")).await];
    ids.push(send(&bus, note_to(person(2), "b")).await);
    world.pass_until(10 * MINUTE).await;
    let tries = seconds(&world.email.requests());
    assert!((9..=11).contains(&tries.len()), "one a minute: {tries:?}");
    for id in &ids {
        assert_waiting(&bus, *id).await;
    }
    world.email.heal();
    world.pass(3 * MINUTE).await;
    for id in ids {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_provider_takes_over_while_the_first_is_down_and_gives_back() {
    let world = World::new();
    let second = ScriptedProvider::new(Arc::new(world.clock.clone())).named("second");
    let bus = world
        .start_with(world.mail().failover(second.clone()))
        .await;
    world.email.default(Play::retryable(Fault::Provider));
    let ids = flood(&bus, 50).await;
    world.pass(MINUTE).await;
    for id in &ids {
        assert_ended(&bus, *id, EndState::Accepted, Reason::Sent).await;
    }
    assert_eq!(second.sent().len(), 50);
    world.email.heal();
    world.pass(5 * MINUTE).await;
    for n in 0..10 {
        send_now(&bus, note_to(person(n), &format!("later {n}"))).await;
        world.pass(S).await;
    }
    assert!(world.email.sent().len() >= 9, "the first is preferred");
}

/// The first works but for this message: the next try goes to the second, and its next one may come
/// back.
#[tokio::test(start_paused = true)]
async fn a_message_that_one_provider_cannot_take_now_goes_to_the_other() {
    let world = World::new();
    let second = ScriptedProvider::new(Arc::new(world.clock.clone())).named("second");
    let mail = world.mail().retry(every(S)).failover(second.clone());
    let bus = world.start_with(mail).await;
    world.email.when(
        |delivery| delivery.message.subject == "a",
        Play::retryable(Fault::Provider),
    );
    second.next([Play::retryable(Fault::Provider)]);
    let stuck = send(&bus, note_to(person(1), "a")).await;
    let others = flood(&bus, 20).await;
    world.pass(10 * S).await;
    assert_ended(&bus, stuck, EndState::Accepted, Reason::Sent).await;
    let by = attempts(&bus, stuck).await;
    let by: Vec<_> = by
        .iter()
        .map(|attempt| attempt.provider.as_ref().unwrap().as_str())
        .collect();
    assert_eq!(by, ["mail", "second", "mail", "second"]);
    for id in others {
        world.email.books().assert_sent_once(id);
    }
}

/// What may have been sent is not sent by another, which would not recognise it.
#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_no_reason_for_another_provider() {
    let world = World::new();
    let second = ScriptedProvider::new(Arc::new(world.clock.clone())).named("second");
    let mail = world.mail().retry(every(S)).failover(second.clone());
    let bus = world.start_with(mail).await;
    world.email.next([Play::cut()]);
    let id = send(&bus, note("a")).await;
    world.pass(10 * S).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    assert_eq!(second.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_second_provider_is_not_used_because_the_first_is_busy() {
    let mut world = World::new();
    let slow = Capabilities::default().reporting_start();
    world.email = world
        .email
        .with_capabilities(slow.with_concurrency(1).with_rate(Rate::per_second(5)));
    world.email.default(Play::accept().after(S / 10));
    let second = ScriptedProvider::new(Arc::new(world.clock.clone())).named("second");
    let bus = world
        .start_with(world.mail().failover(second.clone()))
        .await;
    flood(&bus, 30).await;
    world.pass(MINUTE).await;
    assert_eq!(world.email.sent().len(), 30);
    assert_eq!(second.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_provider_gets_no_more_than_its_rate() {
    let mut world = World::new();
    let rated = Capabilities::default().reporting_start();
    world.email = world
        .email
        .with_capabilities(rated.with_rate(Rate::per_second(10)));
    let bus = world.start().await;
    flood(&bus, 100).await;
    world.pass(MINUTE).await;
    let requests = world.email.requests();
    assert_eq!(requests.len(), 100);
    for (n, request) in (0_u32..).zip(&requests) {
        let earliest = n.saturating_sub(9) * S / 10;
        let at = request.called.monotonic;
        assert!(at >= earliest, "{n} came at {at:?}");
        assert!(
            at <= earliest + S / 20,
            "{n} came at {at:?}: the rate is used"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn retries_are_a_bounded_share() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(S))).await;
    world.email.default(Play::retryable(Fault::Recipient));
    flood(&bus, 500).await;
    world.pass(20 * S).await;
    let requests = world.email.requests();
    assert_eq!(between(&requests, Duration::ZERO, S), 500);
    for second in 1..20 {
        // A fifth of the first tries, 20 at once, and 20 in each second.
        let retries = between(&requests, S, (second + 1) * S);
        let most = 100 + 20 + 20 * usize::try_from(second + 1).unwrap();
        assert!(retries <= most, "{retries} after {second} s");
        assert!(
            retries + 30 >= most.min(500),
            "{retries} after {second} s: no less"
        );
    }
    // First tries do not wait for retries.
    world.email.heal();
    let id = send_now(&bus, note("a")).await;
    world.email.books().assert_sent_once(id);
}

#[tokio::test(start_paused = true)]
async fn a_timeout_is_the_providers_own() {
    let mut world = World::new();
    let slow = Capabilities::default().reporting_start();
    world.email = world.email.with_capabilities(slow.with_timeout(5 * MINUTE));
    let bus = world.start().await;
    world.email.next([Play::accept().after(4 * MINUTE)]);
    let id = send(&bus, note("a")).await;
    world.pass(5 * MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    assert_eq!(
        world.email.requests().len(),
        1,
        "leases are renewed meanwhile"
    );
}
