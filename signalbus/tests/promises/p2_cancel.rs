//! P2: calling off before, during and after a send.

use signalbus::{
    DeliveryId, Signalbus, TenantId,
    provider::Fault,
    store::{CancelAnswer, CancelTarget, EndState, Entry, Reason},
};
use signalbus_testkit::provider::Play;

use crate::common::{
    MINUTE, S, World, assert_ended, every, history, note, person, publish, seconds, send, send_now,
};

async fn cancel(bus: &Signalbus, id: DeliveryId) -> CancelAnswer {
    let tenant = TenantId::default();
    let target = CancelTarget::Delivery(id);
    bus.cancel(&tenant, target, "grace").await.unwrap()[0].answer
}

fn called_off(in_flight: bool) -> Entry {
    Entry::Cancelled {
        actor: "grace".to_owned(),
        in_flight,
    }
}

#[tokio::test(start_paused = true)]
async fn before_it_is_sent() {
    let world = World::new();
    let bus = world.start().await;
    let id = send(&bus, note("a").send_at(world.at(10 * MINUTE))).await;
    world.pass(MINUTE).await;
    assert_eq!(cancel(&bus, id).await, CancelAnswer::Cancelled);
    world.pass(20 * MINUTE).await;
    assert_ended(&bus, id, EndState::Cancelled, Reason::Cancelled).await;
    assert_eq!(history(&bus, id).await, [called_off(false)]);
    assert_eq!(world.email.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn before_the_engine_that_has_it_in_hand_claims_it() {
    let world = World::new();
    let bus = world.start().await;
    // The first holds up the rest, which are in the engine's memory already.
    world.email.next([Play::accept().after(20 * S)]);
    let first = send(&bus, note("a")).await;
    let second = send(&bus, note("b")).await;
    let third = send(&bus, note("c")).await;
    world.pass(S).await;
    assert_eq!(cancel(&bus, second).await, CancelAnswer::Cancelled);
    world.pass(2 * MINUTE).await;
    assert_ended(&bus, second, EndState::Cancelled, Reason::Cancelled).await;
    for sent in [first, third] {
        world.email.books().assert_sent_once(sent);
    }
    world.email.books().assert_not_sent(second);
}

#[tokio::test(start_paused = true)]
async fn between_two_tries() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(MINUTE))).await;
    world.email.next([Play::retryable(Fault::Provider)]);
    let id = send_now(&bus, note("a")).await;
    assert_eq!(cancel(&bus, id).await, CancelAnswer::Cancelled);
    world.pass(10 * MINUTE).await;
    assert_ended(&bus, id, EndState::Cancelled, Reason::Cancelled).await;
    assert_eq!(world.email.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn during_a_send_that_succeeds() {
    let world = World::new();
    let bus = world.start().await;
    world.email.next([Play::accept().after(20 * S)]);
    let id = send(&bus, note("a")).await;
    world.pass(S).await;
    assert_eq!(cancel(&bus, id).await, CancelAnswer::InFlight);
    assert_eq!(cancel(&bus, id).await, CancelAnswer::InFlight, "again");
    world.pass(10 * MINUTE).await;
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
    let history = history(&bus, id).await;
    assert_eq!(history.len(), 2);
    assert_eq!(history[0], called_off(true));
}

#[tokio::test(start_paused = true)]
async fn during_a_send_that_fails() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(S))).await;
    world
        .email
        .next([Play::retryable(Fault::Provider).after(20 * S)]);
    let id = send(&bus, note("a")).await;
    world.pass(S).await;
    assert_eq!(cancel(&bus, id).await, CancelAnswer::InFlight);
    world.pass(10 * MINUTE).await;
    assert_ended(&bus, id, EndState::Cancelled, Reason::Cancelled).await;
    assert_eq!(
        seconds(&world.email.requests()),
        [0],
        "it is not tried again"
    );
}

#[tokio::test(start_paused = true)]
async fn after_it_was_sent() {
    let world = World::new();
    let bus = world.start().await;
    let id = send_now(&bus, note("a")).await;
    assert_eq!(
        cancel(&bus, id).await,
        CancelAnswer::Ended(EndState::Accepted)
    );
    assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
}

#[tokio::test(start_paused = true)]
async fn a_whole_event_and_nobody_elses() {
    let world = World::new();
    let bus = world.start().await;
    let event = note("a").to(person(1)).to(person(2));
    let published = publish(&bus, event.send_at(world.at(10 * MINUTE))).await;
    let target = CancelTarget::Event(published.event);
    let foreign = crate::common::tenant("other");
    assert!(
        bus.cancel(&foreign, target, "mallory")
            .await
            .unwrap()
            .is_empty()
    );
    let answers = bus
        .cancel(&TenantId::default(), target, "grace")
        .await
        .unwrap();
    assert_eq!(answers.len(), 3);
    assert!(
        answers
            .iter()
            .all(|answer| answer.answer == CancelAnswer::Cancelled)
    );
    let stays = send(&bus, note("b").to(person(1)).send_at(world.at(10 * MINUTE))).await;
    world.pass(20 * MINUTE).await;
    world.email.books().assert_sent_count(2);
    world.email.books().assert_sent_once(stays);
}
