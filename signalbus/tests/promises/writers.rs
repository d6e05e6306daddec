//! Several groups of lanes are written at once.

use std::time::Duration;

use signalbus::{
    Event, Order, Signalbus,
    store::{EndState, Reason},
};
use signalbus_testkit::provider::Play;

use crate::common::{Fails, MINUTE, S, World, assert_ended, note_to, person, send_many, subjects};

/// The test store panics when it sees a lane in two calls at once.
#[tokio::test(start_paused = true)]
async fn no_lane_is_written_twice_at_once() {
    let (world, store) = World::with_test_store();
    store.slow(Duration::from_millis(30));
    world
        .email
        .default(Play::accept().after(Duration::from_millis(20)));
    let bus = world.start().await;
    let ids = send_many(&bus, 500).await;
    world.pass(MINUTE).await;
    for id in ids {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    }
    assert!(bus.health().is_well(), "{}", bus.health());
    world.email.books().assert_no_duplicates();
}

/// Groups that are written one after the other take as long as all of them together.
#[tokio::test(start_paused = true)]
async fn a_store_that_takes_a_while_is_asked_several_times_at_once() {
    let (world, store) = World::with_test_store();
    store.slow(S);
    let bus = world.start().await;
    send_many(&bus, 64).await;
    // One second for the claims, whatever lanes they are in.
    world.pass(S + S / 10).await;
    assert_eq!(world.email.requests().len(), 64);
}

fn in_order(bus: &Signalbus, number: usize) -> impl Future<Output = ()> {
    let mut event: Event = note_to(crate::common::ada(), &format!("{number:02}"));
    event.order = Order::Strict;
    async move {
        bus.publish(event).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn strict_order_holds_beside_others() {
    let (world, store) = World::with_test_store();
    store.slow(Duration::from_millis(30));
    let bus = world.start().await;
    for number in 0..20 {
        in_order(&bus, number).await;
        bus.publish(note_to(person(number), "other")).await.unwrap();
    }
    world.pass(MINUTE).await;
    let mut ordered = subjects(&world.email.sent());
    ordered.retain(|subject| subject != "other");
    let expected: Vec<String> = (0..20).map(|number| format!("{number:02}")).collect();
    assert_eq!(ordered, expected);
}

/// A store that says "not now" of one of many, for ever, does not stop the rest.
#[tokio::test(start_paused = true)]
async fn one_that_is_never_taken_holds_up_nobody() {
    let (world, store) = World::with_test_store();
    let bus = world.start().await;
    let stuck = crate::common::send(&bus, note_to(person(999), "stuck")).await;
    store.fail_flush(move |flush| {
        let claims = flush.claims.iter().map(|claim| claim.id);
        let mut ids = claims.chain(flush.settles.iter().map(|settle| settle.id));
        ids.any(|id| id == stuck).then_some(Fails::Before)
    });
    let ids = send_many(&bus, 100).await;
    world.pass(MINUTE).await;
    for id in ids {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    }
    store.heal();
    world.pass(MINUTE).await;
    assert_ended(&bus, stuck, EndState::Accepted, Reason::Sent).await;
    world.email.books().assert_no_duplicates();
}
