//! P3, where a provider can be asked: what it cannot tell yet waits until it may, for a stated time;
//! then the guarantee decides.

use std::time::Duration;

use signalbus::{
    ChannelSetup, DeliveryId, Guarantee, Signalbus,
    provider::Outcome,
    store::{AttemptOutcome, EndState, Reason, Receipt, ReceiptKind, ReceiptTarget},
};
use signalbus_testkit::provider::Play;

use crate::common::{
    MINUTE, Mistaken, S, World, ZERO, assert_ended, assert_waiting, attempts, every, note, note_to,
    person, send, sender, tenant,
};

/// A mail whose answer was lost, through a provider that is asked and is unclear like this.
async fn lost(
    guarantee: Guarantee,
    unclear: Vec<Option<Duration>>,
) -> (World, Signalbus, DeliveryId) {
    let mut world = World::durable();
    world.email = world.email.with_lookup();
    world.email.unclear(unclear);
    let setup = world.mail().guarantee(guarantee).retry(every(S));
    let bus = world.start_with(setup).await;
    world.email.next([Play::cut()]);
    let id = send(&bus, note("a")).await;
    (world, bus, id)
}

const BOTH: [Guarantee; 2] = [Guarantee::AtLeastOnce, Guarantee::AtMostOnce];

#[tokio::test(start_paused = true)]
async fn what_its_provider_will_know_later_is_asked_about_then_and_found() {
    for guarantee in BOTH {
        let (world, bus, id) = lost(guarantee, vec![Some(MINUTE), Some(5 * MINUTE)]).await;
        world.pass_until(5 * MINUTE).await;
        assert_waiting(&bus, id).await;
        world.pass_until(7 * MINUTE).await;
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        world.email.books().assert_sent_once(id);
        let attempts = attempts(&bus, id).await;
        let waits: Vec<_> = attempts
            .iter()
            .map(|attempt| (&*attempt.next, attempt.retry_in))
            .collect();
        assert_eq!(
            waits,
            [
                ("later", Some(MINUTE)),
                ("later", Some(5 * MINUTE)),
                ("accepted", None)
            ]
        );
        let began: Vec<_> = attempts.iter().map(|one| one.request_started).collect();
        assert_eq!(began, [true, false, false], "the others only asked");
        for attempt in &attempts[..2] {
            assert_eq!(attempt.outcome, AttemptOutcome::Failed(Outcome::Unknown));
        }
    }
}

/// An hour, unless the retries of the channel say otherwise.
#[tokio::test(start_paused = true)]
async fn it_is_not_asked_for_ever_and_then_the_guarantee_decides() {
    let (end, reason) = (EndState::OutcomeUnknown, Reason::NoAnswer);
    for (guarantee, end, reason, times) in [
        (Guarantee::AtLeastOnce, EndState::Accepted, Reason::Sent, 2),
        (Guarantee::AtMostOnce, end, reason, 1),
    ] {
        let (world, bus, id) = lost(guarantee, vec![Some(10 * MINUTE); 20]).await;
        world.pass_until(59 * MINUTE).await;
        assert_waiting(&bus, id).await;
        world.pass_until(61 * MINUTE).await;
        assert_ended(&bus, id, end, reason).await;
        world.email.books().assert_sent_times(id, times);
        // At once, six times in the hour.
        assert_eq!(attempts(&bus, id).await.len(), 7);
    }
}

#[tokio::test(start_paused = true)]
async fn with_no_time_for_doubts_the_guarantee_decides_at_once() {
    for (guarantee, end, times) in [
        (Guarantee::AtLeastOnce, EndState::Accepted, 2),
        (Guarantee::AtMostOnce, EndState::OutcomeUnknown, 1),
    ] {
        let mut world = World::durable();
        world.email = world.email.with_lookup();
        world.email.unclear(vec![Some(MINUTE); 20]);
        let retry = every(S).with_longest_doubt(ZERO);
        let setup = world.mail().guarantee(guarantee).retry(retry);
        let bus = world.start_with(setup).await;
        world.email.next([Play::cut()]);
        let id = send(&bus, note("a")).await;
        world.pass(10 * S).await;
        assert_eq!(ended(&bus, id).await, Some(end));
        world.email.books().assert_sent_times(id, times);
    }
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_later_either_is_not_waited_for() {
    for (guarantee, end, times) in [
        (Guarantee::AtLeastOnce, EndState::Accepted, 2),
        (Guarantee::AtMostOnce, EndState::OutcomeUnknown, 1),
    ] {
        let (world, bus, id) = lost(guarantee, vec![None; 20]).await;
        world.pass(10 * S).await;
        assert_eq!(ended(&bus, id).await, Some(end));
        world.email.books().assert_sent_times(id, times);
    }
}

/// A message that would be worth nothing by then is sent, or is not, while it is worth something.
#[tokio::test(start_paused = true)]
async fn what_would_expire_meanwhile_does_not_wait() {
    for (guarantee, end, times) in [
        (Guarantee::AtLeastOnce, EndState::Accepted, 2),
        (Guarantee::AtMostOnce, EndState::OutcomeUnknown, 1),
    ] {
        let mut world = World::durable();
        world.email = world.email.with_lookup();
        world.email.unclear(vec![Some(5 * MINUTE); 20]);
        let setup = world.mail().guarantee(guarantee).retry(every(S));
        let bus = world.start_with(setup).await;
        world.email.next([Play::cut()]);
        let id = send(&bus, note("a").expires_at(world.at(4 * MINUTE))).await;
        world.pass(10 * S).await;
        assert_eq!(ended(&bus, id).await, Some(end));
        world.email.books().assert_sent_times(id, times);
    }
}

#[tokio::test(start_paused = true)]
async fn the_last_try_is_asked_about_and_not_sent_again() {
    let mut world = World::new();
    world.email = world.email.with_lookup();
    world.email.unclear([Some(MINUTE), None]);
    let retry = every(S).with_max_attempts(1);
    let bus = world.start_with(world.mail().retry(retry)).await;
    world.email.next([Play::cut()]);
    let id = send(&bus, note("a")).await;
    world.pass(2 * MINUTE).await;
    let (end, reason) = (EndState::OutcomeUnknown, Reason::AttemptsExhausted);
    assert_ended(&bus, id, end, reason).await;
    world.email.books().assert_sent_once(id);
}

/// The claim meets it before anybody is asked.
#[tokio::test(start_paused = true)]
async fn a_receipt_that_comes_while_it_waits_is_the_answer() {
    for guarantee in BOTH {
        let (world, bus, id) = lost(guarantee, vec![Some(MINUTE); 20]).await;
        bus.idle().await;
        assert_waiting(&bus, id).await;
        let receipt = Receipt::new(
            tenant("default"),
            signalbus::ProviderName::new("mail").unwrap(),
            ReceiptTarget::Delivery(id),
            ReceiptKind::Delivered,
            "1",
        );
        world.store.record_receipts(vec![receipt]).await.unwrap();
        world.pass(2 * MINUTE).await;
        assert_ended(&bus, id, EndState::Accepted, Reason::Receipt).await;
        world.email.books().assert_sent_once(id);
    }
}

/// A provider that seeks by recipient and text may find the twin of a message: that one has its own delivery.
#[tokio::test(start_paused = true)]
async fn a_message_that_is_another_deliverys_is_not_taken_for_it() {
    let world = World::new();
    world.email.next([
        Play::accept_with_id("twin"),
        Play::cut().untaken(),
        Play::accept_with_id("own"),
    ]);
    let mistaken = Mistaken::new(world.email.clone(), "twin");
    let setup = ChannelSetup::new(sender(), mistaken);
    let bus = world.start_with(setup.retry(every(S))).await;
    let first = send(&bus, note_to(person(1), "a")).await;
    bus.idle().await;
    let second = send(&bus, note_to(person(2), "a2")).await;
    world.pass(MINUTE).await;
    for id in [first, second] {
        assert_ended(&bus, id, EndState::Accepted, Reason::Sent).await;
        world.email.books().assert_sent_once(id);
    }
}

async fn ended(bus: &Signalbus, id: DeliveryId) -> Option<EndState> {
    match crate::common::delivery(bus, id).await.state {
        signalbus::store::State::Ended(end) => Some(end),
        _ => None,
    }
}
