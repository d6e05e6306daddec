//! What the engine says of itself, and that it gets up again.

use std::time::Duration;

use signalbus::{
    EngineOptions, PartHealth,
    store::{EndState, Reason},
};
use signalbus_testkit::provider::Play;

use crate::common::{
    Call, Fails, MINUTE, S, World, assert_ended, note, note_to, person, send, send_many,
};

#[tokio::test(start_paused = true)]
async fn it_tells_whether_it_runs() {
    let world = World::new();
    let bus = world.engine(world.mail()).build().unwrap();
    assert_eq!(bus.health().sending, Some(PartHealth::Stopped));
    assert!(!bus.health().is_well());
    bus.start();
    world.pass(S).await;
    assert!(bus.health().is_well(), "{}", bus.health());
    assert_eq!(bus.health().to_string(), "the engine is well");
    assert!(bus.health().lanes > 0);
    world.email.default(Play::hang());
    send(&bus, note("a")).await;
    world.pass(S).await;
    assert_eq!(bus.health().in_flight, 1);
    tokio::join!(bus.shutdown(), async {
        world.pass(S).await;
        assert_eq!(bus.health().sending, Some(PartHealth::Leaving));
    });
    assert_eq!(bus.health().sending, Some(PartHealth::Stopped));
}

#[tokio::test(start_paused = true)]
async fn it_tells_that_the_store_fails_and_since_when() {
    let (world, store) = World::with_test_store();
    let bus = world.start().await;
    world.pass(10 * S).await;
    store.fail(|_| Some(Fails::Before));
    world.pass(5 * S).await;
    let trouble = bus.health().store.unwrap();
    assert!(trouble.since <= world.at(11 * S), "{trouble:?}");
    assert!(trouble.error.contains("the test took the store away"));
    store.heal();
    world.pass(5 * S).await;
    assert!(bus.health().is_well(), "{}", bus.health());
}

/// One panic in a store ended all sending until the process was restarted.
#[tokio::test(start_paused = true)]
async fn a_store_that_panics_costs_a_moment() {
    for call in [Call::HoldLanes, Call::Fetch, Call::Flush] {
        let (world, store) = World::with_test_store();
        let bus = world.start().await;
        world.pass(S).await;
        let mut left = 3;
        store.fail(move |called| {
            let panics = called == call && left > 0;
            left -= i32::from(panics);
            panics.then_some(Fails::Panics)
        });
        let ids = send_many(&bus, 20).await;
        world.pass(MINUTE).await;
        for id in ids {
            assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        }
        assert!(bus.health().is_well(), "{call:?}: {}", bus.health());
        world.email.books().assert_no_duplicates();
    }
}

#[tokio::test(start_paused = true)]
async fn a_part_that_panics_again_and_again_is_told_and_started_again() {
    let (world, store) = World::with_test_store();
    store.fail(|call| (call == Call::HoldLanes).then_some(Fails::Panics));
    let bus = world.start().await;
    world.pass(5 * S).await;
    let health = bus.health();
    let Some(PartHealth::Restarting { panics }) = health.sending else {
        panic!("{health:?}");
    };
    assert!((3..=10).contains(&panics), "{panics}");
    assert!(health.to_string().contains("panicked"), "{health}");
    store.heal();
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    store.fail(|call| (call == Call::HoldLanes).then_some(Fails::Panics));
    world.pass(10 * S).await;
    bus.shutdown().await;
    assert_eq!(bus.health().sending, Some(PartHealth::Stopped));
}

/// A start while the engine leaves was lost.
#[tokio::test(start_paused = true)]
async fn it_can_be_started_while_it_leaves() {
    let world = World::new();
    world.email.next([Play::accept().after(10 * S)]);
    let bus = world.start().await;
    let first = send(&bus, note("a")).await;
    world.pass(S).await;
    let (_, second) = tokio::join!(bus.shutdown(), async {
        world.pass(S).await;
        bus.start();
        send(&bus, note_to(person(1), "b")).await
    });
    world.pass(MINUTE).await;
    for id in [first, second] {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    }
    world.email.books().assert_no_duplicates();
    assert!(bus.health().is_well(), "{}", bus.health());
}

#[tokio::test(start_paused = true)]
async fn times_without_end_are_no_reason_to_panic() {
    let mut options = EngineOptions::default()
        .with_poll(Duration::MAX)
        .with_drain(Duration::MAX)
        .with_lease(Duration::MAX);
    options.renew = Duration::MAX;
    let world = World::new();
    let bus = world.engine(world.mail()).options(options).start().await;
    let bus = bus.unwrap();
    let id = send(&bus, note("a")).await;
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    bus.shutdown().await;
}

/// A result that the store cannot take now or ever is kept, told and tried again.
#[tokio::test(start_paused = true)]
async fn results_that_are_not_written_are_told() {
    let (world, store) = World::with_test_store();
    let bus = world.start().await;
    store.fail_flush(|flush| (!flush.settles.is_empty()).then_some(Fails::ForGood));
    let id = send(&bus, note("a")).await;
    world.pass(S).await;
    assert_eq!(bus.health().unwritten, 1);
    assert!(!bus.health().is_well());
    store.heal();
    world.pass(2 * MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    assert!(bus.health().is_well(), "{}", bus.health());
    world.email.books().assert_no_duplicates();
}
