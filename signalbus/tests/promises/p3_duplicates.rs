//! P3: without a fault exactly one request; after one, one more for each cause; at most once where
//! that was asked for.

use std::sync::Arc;

use signalbus::{
    ChannelSetup, Guarantee, RetryPolicy, Signalbus,
    provider::{Capabilities, Fault, Outcome, SendError},
    store::{AttemptOutcome, EndState, Reason},
};
use signalbus_testkit::provider::{Ending, Play, ScriptedProvider};

use crate::common::{
    MINUTE, S, Unreachable, World, assert_ended, assert_waiting, attempts, every, note, note_to,
    person, seconds, send, send_now, sender,
};

#[tokio::test(start_paused = true)]
async fn without_a_fault_each_message_is_requested_once() {
    let world = World::new();
    let bus = world.start().await;
    for number in 0..200 {
        send(&bus, note_to(person(number % 20), &number.to_string())).await;
    }
    bus.idle().await;
    world.pass(MINUTE).await;
    assert_eq!(world.email.requests().len(), 200);
    world.email.books().assert_no_duplicates();
}

#[tokio::test(start_paused = true)]
async fn at_least_once_sends_again_after_a_lost_answer() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(10 * S))).await;
    world.email.next([Play::cut()]);
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    world.email.books().assert_sent_times(id, 2);
    let requests = world.email.requests();
    assert_eq!(requests[0].reference, requests[1].reference);
    assert_eq!(requests[0].json, requests[1].json);
}

#[tokio::test(start_paused = true)]
async fn at_most_once_stops_after_a_lost_answer() {
    let world = World::durable();
    let setup = world.mail().guarantee(Guarantee::AtMostOnce);
    let bus = world.start_with(setup.retry(every(S))).await;
    world
        .email
        .next([Play::cut_before_start(), Play::cut(), Play::cut()]);
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::OutcomeUnknown, Reason::NoAnswer).await;
    world.email.books().assert_sent_once(id);
    assert_eq!(attempts(&bus, id).await.len(), 2, "the first was not sent");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_to_the_last_try_is_not_called_dead() {
    let world = World::new();
    let policy = every(S).with_max_attempts(2);
    let bus = world.start_with(world.mail().retry(policy)).await;
    world.email.default(Play::cut());
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(
        &bus,
        id,
        EndState::OutcomeUnknown,
        Reason::AttemptsExhausted,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_timeout_before_the_request_is_not_sent_and_after_it_unknown() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(S))).await;
    for (play, outcome, started) in [
        (Play::hang().before_start(), Outcome::Retryable, false),
        (Play::hang(), Outcome::Unknown, true),
    ] {
        world.email.next([play]);
        let id = send(&bus, note(&format!("{started}"))).await;
        world.pass(MINUTE).await;
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        let attempts = attempts(&bus, id).await;
        assert_eq!(attempts[0].outcome, AttemptOutcome::Failed(outcome));
        assert_eq!(attempts[0].request_started, started);
        assert_eq!(attempts[0].took, 30 * S, "the timeout of the provider");
        let first = &world.email.books().requests_of(id)[0];
        assert_eq!(first.ending, Ending::Dropped);
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_does_not_report_the_start_counts_as_started() {
    let mut world = World::durable();
    world.email = world.email.with_capabilities(Capabilities::default());
    let setup = world.mail().guarantee(Guarantee::AtMostOnce);
    let bus = world.start_with(setup).await;
    let silent = Play::hang().before_start().unreported();
    for (key, play) in [("a", silent), ("b", Play::panic_before_start())] {
        world.email.next([play]);
        let id = send(&bus, note(key)).await;
        world.pass(MINUTE).await;
        assert_ended(&bus, id, EndState::OutcomeUnknown, Reason::NoAnswer).await;
        assert!(attempts(&bus, id).await[0].request_started);
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_can_be_asked_tells_whether_it_was_sent() {
    let mut world = World::durable();
    world.email = world.email.with_lookup();
    let setup = world.mail().guarantee(Guarantee::AtMostOnce);
    let bus = world.start_with(setup.retry(every(S))).await;
    world.email.next([Play::cut(), Play::cut().untaken()]);
    let taken = send(&bus, note_to(person(1), "taken")).await;
    world.pass(MINUTE).await;
    let lost = send(&bus, note_to(person(2), "lost")).await;
    world.pass(MINUTE).await;
    for id in [taken, lost] {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        world.email.books().assert_sent_once(id);
    }
    assert_eq!(attempts(&bus, taken).await.len(), 1);
    assert_eq!(
        attempts(&bus, lost).await.len(),
        2,
        "it was certainly not sent"
    );
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_could_not_be_asked_is_asked_again_before_the_next_try() {
    let world = World::new();
    let forgetful = Unreachable::new(world.email.clone(), 1);
    let setup = ChannelSetup::new(sender(), forgetful);
    let bus = world.start_with(setup.retry(every(S))).await;
    world.email.next([Play::cut()]);
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    world.email.books().assert_sent_once(id);
    assert_eq!(attempts(&bus, id).await.len(), 2, "the second only asked");
}

/// Mails at most once, through a provider that recognises repeats for a minute.
async fn remembering(retry: RetryPolicy) -> (World, Signalbus) {
    let mut world = World::durable();
    let capabilities = Capabilities::default().reporting_start();
    world.email = world
        .email
        .with_capabilities(capabilities.with_dedup_window(MINUTE));
    let setup = world.mail().guarantee(Guarantee::AtMostOnce);
    let bus = world.start_with(setup.retry(retry)).await;
    (world, bus)
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_recognises_repeats_is_asked_again() {
    let (world, bus) = remembering(every(10 * S)).await;
    world.email.next([Play::cut()]);
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    assert_eq!(world.email.requests().len(), 2);
    world.email.books().assert_sent_once(id);
}

#[tokio::test(start_paused = true)]
async fn but_not_when_it_would_have_forgotten_the_message_by_then() {
    let (world, bus) = remembering(every(2 * MINUTE)).await;
    world.email.next([Play::cut()]);
    let id = send(&bus, note("a")).await;
    world.pass(10 * MINUTE).await;
    assert_ended(&bus, id, EndState::OutcomeUnknown, Reason::NoAnswer).await;
    world.email.books().assert_sent_once(id);
}

#[tokio::test(start_paused = true)]
async fn nor_when_the_retry_is_held_up_until_it_has() {
    let (world, bus) = remembering(every(10 * S)).await;
    let down =
        Play::fail(|| SendError::retryable(Fault::Provider, "down").with_retry_after(5 * MINUTE));
    world.email.next([Play::cut(), down]);
    let id = send_now(&bus, note_to(person(1), "a")).await;
    send(&bus, note_to(person(2), "opens the breaker")).await;
    world.pass(10 * MINUTE).await;
    assert_ended(&bus, id, EndState::OutcomeUnknown, Reason::NoAnswer).await;
    world.email.books().assert_sent_once(id);
}

#[tokio::test(start_paused = true)]
async fn nor_when_another_provider_would_get_the_repeat() {
    let mut world = World::durable();
    let remembers = Capabilities::default()
        .reporting_start()
        .with_dedup_window(MINUTE);
    world.email = world.email.with_capabilities(remembers.clone());
    let clock = Arc::new(world.clock.clone());
    let second = ScriptedProvider::new(clock)
        .named("second")
        .with_capabilities(remembers);
    let setup = world.mail().failover(second.clone());
    let setup = setup.guarantee(Guarantee::AtMostOnce).retry(every(S));
    let bus = world.start_with(setup).await;
    world.email.next([Play::cut()]);
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::OutcomeUnknown, Reason::NoAnswer).await;
    assert_eq!(world.email.sent().len() + second.sent().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_isolated_and_three_are_poison() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(10 * S))).await;
    world.email.when(
        |delivery| delivery.message.subject == "poison",
        Play::panic_before_start(),
    );
    let poison = send(&bus, note_to(person(0), "poison")).await;
    let mut others = Vec::new();
    for number in 1..20 {
        others.push(send(&bus, note_to(person(number), &number.to_string())).await);
    }
    bus.idle().await;
    for id in &others {
        world.email.books().assert_sent_once(*id);
    }
    assert_waiting(&bus, poison).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, poison, EndState::Dead, Reason::Poison).await;
    let tries = world.email.books().requests_of(poison);
    assert_eq!(seconds(&tries), [0, 10, 20]);
    send_now(&bus, note("later")).await;
    world.email.books().assert_sent_count(20);
}

#[tokio::test(start_paused = true)]
async fn a_panic_after_the_request_is_unknown() {
    let world = World::durable();
    let setup = world.mail().guarantee(Guarantee::AtMostOnce);
    let bus = world.start_with(setup.retry(every(S))).await;
    world
        .email
        .next([Play::panic_before_start(), Play::panic_after_start()]);
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::OutcomeUnknown, Reason::NoAnswer).await;
    world.email.books().assert_sent_once(id);
}

#[tokio::test(start_paused = true)]
async fn at_most_once_needs_a_durable_store() {
    let world = World::new();
    let setup = world.mail().guarantee(Guarantee::AtMostOnce);
    let error = world.engine(setup).build().unwrap_err();
    assert_eq!(
        error.to_string(),
        "channel email is set to at most once, which needs a durable store"
    );
}
