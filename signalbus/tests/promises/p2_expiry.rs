//! P2: better never than late. And not before its time.

use signalbus::{
    Answer, TenantId,
    provider::{Fault, SendError},
    store::{CancelAnswer, CancelTarget, EndState, Reason},
};
use signalbus_testkit::provider::Play;

use crate::common::{
    Call, Fails, MINUTE, S, World, ZERO, assert_ended, assert_waiting, attempts, every, note,
    note_to, person, publish, seconds, send, send_now,
};

#[tokio::test(start_paused = true)]
async fn a_scheduled_message_is_sent_at_its_time() {
    let world = World::new();
    let bus = world.start().await;
    let published = publish(&bus, note("a").send_at(world.at(10 * MINUTE))).await;
    assert_eq!(
        published.routes[0].answer,
        Answer::Scheduled(world.at(10 * MINUTE))
    );
    world.pass_until(10 * MINUTE - S).await;
    assert_waiting(&bus, published.routes[0].delivery).await;
    assert_eq!(world.email.requests().len(), 0);
    world.pass_until(10 * MINUTE + S).await;
    let requests = world.email.requests();
    assert_eq!(
        requests[0].called.monotonic,
        10 * MINUTE,
        "to the millisecond"
    );
}

#[tokio::test(start_paused = true)]
async fn a_time_that_has_passed_is_now() {
    let world = World::new();
    let bus = world.start().await;
    world.pass(10 * MINUTE).await;
    let id = send_now(&bus, note("a").send_at(world.at(MINUTE))).await;
    world.email.books().assert_sent_once(id);
}

#[tokio::test(start_paused = true)]
async fn expired_before_it_was_tried() {
    let world = World::new();
    let bus = world.start().await;
    let late = send_now(&bus, note("a").expires_at(world.at(ZERO))).await;
    assert_ended(&bus, late, EndState::Expired, Reason::Expired).await;
    assert_eq!(attempts(&bus, late).await.len(), 0);
    assert_eq!(world.email.requests().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn expired_while_the_engine_was_off() {
    let world = World::new();
    let bus = world.engine(world.mail()).build().unwrap();
    let id = send(&bus, note("a").expires_at(world.at(MINUTE))).await;
    world.pass(2 * MINUTE).await;
    bus.start();
    bus.idle().await;
    assert_ended(&bus, id, EndState::Expired, Reason::Expired).await;
}

#[tokio::test(start_paused = true)]
async fn expired_between_two_tries() {
    let world = World::new();
    let bus = world.start_with(world.mail().retry(every(10 * S))).await;
    world.email.default(Play::retryable(Fault::Recipient));
    let id = send(&bus, note("a").expires_at(world.at(25 * S))).await;
    world.pass_until(20 * S).await;
    assert_eq!(seconds(&world.email.requests()), [0, 10]);
    world.pass(S).await;
    assert_ended(&bus, id, EndState::Expired, Reason::Expired).await;
    assert_eq!(seconds(&world.email.requests()), [0, 10, 20]);
    assert_eq!(
        attempts(&bus, id).await[2].next,
        "expired",
        "30 s is too late"
    );
}

#[tokio::test(start_paused = true)]
async fn expired_while_the_breaker_was_open() {
    let world = World::new();
    let bus = world.start().await;
    world.email.default(Play::fail(|| {
        SendError::retryable(Fault::Provider, "down for maintenance").with_retry_after(10 * MINUTE)
    }));
    let first = send_now(&bus, note_to(person(1), "a")).await;
    let second = send(&bus, note_to(person(2), "b").expires_at(world.at(MINUTE))).await;
    world.pass_until(MINUTE - S).await;
    assert_waiting(&bus, second).await;
    world.pass_until(MINUTE + S).await;
    assert_ended(&bus, second, EndState::Expired, Reason::Expired).await;
    assert_eq!(world.email.books().requests_of(second).len(), 0);
    assert_waiting(&bus, first).await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_learns_when_a_message_expires() {
    let world = World::new();
    let bus = world.start().await;
    send_now(&bus, note("a").expires_at(world.at(10 * MINUTE))).await;
    assert_eq!(
        world.email.requests()[0].expires_at,
        Some(world.at(10 * MINUTE))
    );
}

#[tokio::test(start_paused = true)]
async fn what_expired_was_not_there_to_be_called_off() {
    let world = World::new();
    let bus = world.start().await;
    let id = send_now(&bus, note("a").expires_at(world.at(ZERO))).await;
    let tenant = TenantId::default();
    let answers = bus
        .cancel(&tenant, CancelTarget::Delivery(id), "test")
        .await
        .unwrap();
    assert_eq!(answers[0].answer, CancelAnswer::Ended(EndState::Expired));
    assert_ended(&bus, id, EndState::Expired, Reason::Expired).await;
}

/// The last moment before the provider is called is after the claim was answered.
#[tokio::test(start_paused = true)]
async fn expired_while_its_claim_was_written() {
    let (world, store) = World::with_test_store();
    let bus = world.start().await;
    bus.idle().await;
    let id = send(&bus, note("a").expires_at(world.at(30 * S))).await;
    store.fail(|call| (call == Call::Flush).then_some(Fails::Late));
    world.pass(90 * S).await;
    store.heal();
    world.pass(MINUTE).await;
    assert_ended(&bus, id, EndState::Expired, Reason::Expired).await;
    assert_eq!(world.email.requests().len(), 0);
}
