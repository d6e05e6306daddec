//! Several workers on one store: shares, deaths, departures.

use std::{
    future::pending,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use signalbus::{
    Clock as _, EngineOptions, Guarantee, Signalbus, Templates,
    channel::Email,
    provider::{Delivery, Fault, Outcome},
    store::{AttemptOutcome, EndState, Reason},
};
use signalbus_testkit::provider::{Ending, Play};

use crate::common::{
    Call, Fails, MINUTE, S, World, ZERO, assert_ended, attempts, delivery, every, note, note_to,
    person, send, send_many, send_now, templates,
};

/// Another engine on the same store, with a provider of its own.
async fn second(world: &World) -> (Signalbus, World) {
    let other = world.beside();
    (other.start().await, other)
}

#[tokio::test(start_paused = true)]
async fn two_workers_share_the_work() {
    let world = World::new();
    let one = world.start().await;
    world.pass(S).await;
    let (two, other) = second(&world).await;
    // Until the first has heard of the second and has let go of half of its lanes.
    world.pass(15 * S).await;
    let ids = send_many(&one, 200).await;
    world.pass(2 * S).await;
    let (mine, theirs) = (world.email.sent().len(), other.email.sent().len());
    assert_eq!(mine + theirs, 200);
    assert!(mine >= 50 && theirs >= 50, "{mine} and {theirs}");
    for id in ids {
        assert_ended(&two, id, EndState::Accepted, Reason::Sent).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_share_that_moves_while_sends_are_in_flight_doubles_none() {
    let world = World::new();
    world.email.default(Play::accept().after(20 * S));
    let one = world.start().await;
    let ids = send_many(&one, 50).await;
    world.pass(S).await;
    let (_two, other) = second(&world).await;
    world.pass(2 * MINUTE).await;
    assert_eq!(world.email.sent().len(), 50, "sends are drained, not cut");
    assert_eq!(other.email.requests().len(), 0);
    for id in ids {
        assert_ended(&one, id, EndState::Accepted, Reason::Sent).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_dies_is_followed_within_its_lease() {
    let world = World::new();
    world.email.default(Play::hang());
    let one = world.start().await;
    let claimed = send_many(&one, 10).await;
    // Its leases were renewed after 5 s, and run for 15 s.
    world.pass_until(7 * S).await;
    drop(one);
    let (two, other) = second(&world).await;
    let untouched = send(&two, note("a")).await;
    world.pass_until(20 * S - S / 10).await;
    assert_eq!(other.email.requests().len(), 0, "the leases still run");
    world.pass_until(21 * S).await;
    other.email.books().assert_sent_once(untouched);
    world.pass(MINUTE).await;

    assert!(
        world
            .email
            .requests()
            .iter()
            .all(|r| r.ending == Ending::Dropped)
    );
    other.email.books().assert_sent_count(11);
    other.email.books().assert_no_duplicates();
    assert_eq!(other.email.books().most_in_flight(), 1, "suspects go alone");
    for id in claimed {
        assert_ended(&two, id, EndState::Accepted, Reason::Sent).await;
        let attempts = attempts(&two, id).await;
        assert_eq!(attempts[0].outcome, AttemptOutcome::Interrupted);
        assert!(attempts[0].request_started);
        assert_eq!(attempts.len(), 2);
    }
    assert_eq!(attempts(&two, untouched).await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_a_dead_worker_may_have_sent_at_most_once_stays_unknown() {
    let world = World::durable();
    let setup = || world.mail().guarantee(Guarantee::AtMostOnce);
    world.email.next([Play::hang()]);
    let one = world.start_with(setup()).await;
    let claimed = send(&one, note("a")).await;
    let waiting = send(&one, note("b")).await;
    world.pass(S).await;
    drop(one);
    let two = world.start_with(setup()).await;
    world.pass(MINUTE).await;
    assert_ended(&two, claimed, EndState::OutcomeUnknown, Reason::NoAnswer).await;
    assert_ended(&two, waiting, EndState::Accepted, Reason::Sent).await;
    world.email.books().assert_sent_once(claimed);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_kills_its_worker_is_poison_and_the_rest_is_sent() {
    let world = World::new();
    world.email.when(
        |delivery| delivery.message.subject == "poison",
        Play::hang(),
    );
    let publisher = world.engine(world.mail()).build().unwrap();
    let poison = send(&publisher, note_to(person(1), "poison")).await;
    let innocent = send(&publisher, note_to(person(1), "innocent")).await;
    for _ in 0..6 {
        let worker = world.start().await;
        world.pass(20 * S).await;
        drop(worker);
    }
    assert_ended(&publisher, poison, EndState::Dead, Reason::Poison).await;
    assert_ended(&publisher, innocent, EndState::Accepted, Reason::Sent).await;
    assert!(world.email.books().requests_of(poison).len() <= 4);
}

#[tokio::test(start_paused = true)]
async fn a_lane_lost_before_the_claim_was_written_sends_nothing() {
    let (world, store) = World::with_test_store();
    let one = world.start().await;
    one.idle().await;
    // The first worker cannot write any more, and does not know that it is given up.
    store.fail(|call| matches!(call, Call::Flush | Call::HoldLanes).then_some(Fails::Before));
    let id = send(&one, note("a")).await;
    world.pass(20 * S).await;
    store.heal();
    let (two, other) = second(&world).await;
    two.idle().await;
    world.pass(MINUTE).await;
    assert_ended(&two, id, EndState::Accepted, Reason::Sent).await;
    let sent = world.email.requests().len() + other.email.requests().len();
    assert_eq!(sent, 1);
}

#[tokio::test(start_paused = true)]
async fn shutdown_lets_sends_finish_and_starts_none() {
    let world = World::new();
    world.email.default(Play::accept().after(10 * S));
    let bus = world.start().await;
    let first = send(&bus, note("a")).await;
    let second = send(&bus, note("b")).await;
    world.pass(S).await;
    bus.shutdown().await;
    assert_eq!(world.now(), 10 * S, "as soon as the send had ended");
    assert_ended(&bus, first, EndState::Accepted, Reason::Sent).await;
    assert_eq!(world.email.books().requests_of(second).len(), 0);
    bus.start();
    world.pass(MINUTE).await;
    assert_ended(&bus, second, EndState::Accepted, Reason::Sent).await;
    world.email.books().assert_no_duplicates();
}

#[tokio::test(start_paused = true)]
async fn shutdown_cuts_sends_at_its_deadline() {
    let world = World::new();
    let options = EngineOptions::default().with_drain(5 * S);
    let setup = world
        .mail()
        .retry(every(S))
        .guarantee(Guarantee::AtLeastOnce);
    let bus = world.engine(setup).options(options).start().await.unwrap();
    for (subject, play) in [
        ("started", Play::hang()),
        ("unstarted", Play::hang().before_start()),
    ] {
        let first = move |delivery: &Delivery<'_, Email>| {
            delivery.message.subject == subject && delivery.attempt == 1
        };
        world.email.when(first, play);
    }
    let started = send(&bus, note_to(person(1), "started")).await;
    let unstarted = send(&bus, note_to(person(2), "unstarted")).await;
    world.pass(S).await;
    bus.shutdown().await;
    assert_eq!(world.now(), 6 * S);
    for (id, outcome, request_started, next) in [
        (started, Outcome::Unknown, true, "retry"),
        (unstarted, Outcome::Retryable, false, "later"),
    ] {
        let attempts = attempts(&bus, id).await;
        assert_eq!(attempts[0].outcome, AttemptOutcome::Failed(outcome));
        assert_eq!(attempts[0].request_started, request_started);
        assert_eq!(attempts[0].provider.as_ref().unwrap().as_str(), "mail");
        assert_eq!(attempts[0].next, next);
    }
    bus.start();
    world.pass(MINUTE).await;
    world.email.books().assert_sent_times(started, 2);
    world.email.books().assert_sent_once(unstarted);
}

#[tokio::test(start_paused = true)]
async fn what_was_cut_is_sent_again_as_it_was_and_counted() {
    let world = World::new();
    let options = EngineOptions::default().with_drain(S);
    let engine = |templates| {
        let setup = world.mail().retry(every(S));
        let builder = world.engine(setup).options(options.clone());
        builder.templates(templates).templates_later()
    };
    let old = engine(templates()).start().await.unwrap();
    world.email.next([Play::hang()]);
    let id = send(&old, note("a")).await;
    world.pass(S).await;
    old.shutdown().await;
    // A deploy: the templates are others, or gone.
    let new = engine(Templates::new()).start().await.unwrap();
    world.pass(MINUTE).await;
    assert_ended(&new, id, EndState::Accepted, Reason::Sent).await;
    let requests = world.email.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[0].json, requests[1].json);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_idle_is_told_when_the_engine_leaves() {
    let world = World::new();
    world.email.default(Play::hang());
    let options = EngineOptions::default().with_drain(S);
    let builder = world.engine(world.mail()).options(options);
    let bus = builder.start().await.unwrap();
    send(&bus, note("a")).await;
    let leaving = async {
        world.pass(S).await;
        bus.shutdown().await;
    };
    tokio::join!(bus.idle(), leaving);
    assert_eq!(world.now(), 2 * S);
    bus.idle().await;
}

#[tokio::test(start_paused = true)]
async fn options_of_nothing_are_the_least_that_works() {
    let world = World::new();
    let mut options = EngineOptions::default()
        .with_slots(0)
        .with_in_hand(0)
        .with_flush(0)
        .with_poll(ZERO)
        .with_lease(ZERO);
    options.window = 0;
    let builder = world.engine(world.mail()).options(options);
    let bus = builder.start().await.unwrap();
    let ids = send_many(&bus, 20).await;
    world.pass(S).await;
    for id in ids {
        world.email.books().assert_sent_once(id);
    }
    bus.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn lanes_are_given_up_at_once() {
    let world = World::new();
    let one = world.start().await;
    send_now(&one, note("a")).await;
    one.shutdown().await;
    let (two, other) = second(&world).await;
    let id = send_now(&two, note("b")).await;
    other.email.books().assert_sent_once(id);
    assert_eq!(world.now(), ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_is_dropped_goes_on() {
    let world = World::new();
    world.email.default(Play::accept().after(10 * S));
    let bus = world.start().await;
    let id = send(&bus, note("a")).await;
    world.pass(S).await;
    tokio::select! {
        () = bus.shutdown() => unreachable!("a send is in flight"),
        () = world.pass(S) => {}
    }
    // Two who wait are both told.
    tokio::join!(bus.shutdown(), bus.shutdown());
    assert_eq!(world.now(), 10 * S);
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    world.email.books().assert_no_duplicates();
}

#[tokio::test(start_paused = true)]
async fn shutdown_ends_by_its_deadline_when_the_store_is_gone() {
    let (world, store) = World::with_test_store();
    world.email.default(Play::accept().after(S));
    let bus = world.start().await;
    let id = send(&bus, note("a")).await;
    world.pass(500 * S / 1000).await;
    store.fail(|_| Some(Fails::Before));
    bus.shutdown().await;
    assert!(world.now() <= 32 * S, "{:?}", world.now());
    store.heal();
    // The result was lost: what was claimed is possibly sent.
    bus.start();
    world.pass(MINUTE).await;
    assert_eq!(
        attempts(&bus, id).await[0].outcome,
        AttemptOutcome::Interrupted
    );
    world.email.books().assert_sent_times(id, 2);
}

/// A store that is gone may take seconds to say so: at the deadline it is not asked for each result, but
/// once for each group of lanes.
#[tokio::test(start_paused = true)]
async fn at_the_deadline_of_a_shutdown_the_store_is_not_asked_for_each_result() {
    let (world, store) = World::with_test_store();
    world.email.default(Play::accept().after(S));
    let bus = world.start().await;
    send_many(&bus, 100).await;
    world.pass(500 * S / 1000).await;
    let late = Arc::new(AtomicUsize::new(0));
    let (counted, clock) = (Arc::clone(&late), world.clock.clone());
    store.fail(move |call| {
        let is_late = call == Call::Flush && clock.monotonic() >= 30 * S + 500 * S / 1000;
        counted.fetch_add(usize::from(is_late), Ordering::Relaxed);
        Some(Fails::Before)
    });
    bus.shutdown().await;
    let writers = EngineOptions::default().writers;
    assert!(late.load(Ordering::Relaxed) <= writers, "{late:?}");
}

#[tokio::test(start_paused = true)]
async fn idle_does_not_wait_for_what_is_not_due() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(MINUTE))).await;
    world.email.next([Play::retryable(Fault::Recipient)]);
    let id = send_now(&bus, note("a")).await;
    assert_eq!(delivery(&bus, id).await.attempt, 1);
    tokio::select! {
        () = bus.idle() => {}
        () = pending() => {}
    }
    assert_eq!(world.now(), ZERO);
}
