//! A provider that fails in part gets about what it can take: breaker, ramp and retry budget together.

use std::time::Duration;

use signalbus::{
    BreakerSettings, DeliveryId, RetryPolicy,
    provider::{Fault, SendError},
    store::EndState,
};
use signalbus_testkit::provider::Play;

use crate::common::{MINUTE, S, World, delivery, note_to, person};

const WAITING: usize = 1_000;

/// How many of a thousand were accepted in two minutes, and how many tries there were, when this many
/// of a hundred tries fail, by chance.
async fn accepted(failing: u64, breaker: BreakerSettings) -> (usize, usize) {
    let world = World::new();
    world
        .email
        .default(Play::accept().after(Duration::from_millis(100)));
    let fails = move |delivery: &DeliveryId, attempt: u32| {
        // As good as dice, and the same with each breaker.
        let dice =
            delivery.as_uuid().as_u128() ^ u128::from(attempt).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let dice = dice.wrapping_mul(0xBF58_476D_1CE4_E5B9_94D0_49BB_1331_11EB) >> 96;
        dice % 100 < u128::from(failing)
    };
    world.email.when(
        move |sent| fails(&sent.id, sent.attempt),
        Play::fail(|| SendError::retryable(Fault::Provider, "not now"))
            .after(Duration::from_millis(100)),
    );
    let policy = RetryPolicy::default().with_waits(S, 2 * S, 10 * S);
    let mail = world.mail().retry(policy).breaker(breaker);
    let bus = world.start_with(mail).await;
    let events = (0..WAITING).map(|number| note_to(person(number), &number.to_string()));
    let answers = bus.publish_all(events.collect()).await.unwrap();
    world.pass(2 * MINUTE).await;
    let mut accepted = 0;
    for answer in answers {
        let record = delivery(&bus, answer.unwrap().routes[0].delivery).await;
        let state = record.state;
        accepted += usize::from(state == signalbus::store::State::Ended(EndState::Accepted));
    }
    (accepted, world.email.requests().len())
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_at_about_what_it_can_take() {
    let mut never = BreakerSettings::default();
    never.failures = u32::MAX;
    for failing in [5, 10, 30, 50, 70, 80, 90, 95] {
        let (with, tries) = accepted(failing, BreakerSettings::default()).await;
        let (without, _) = accepted(failing, never.clone()).await;
        println!("{failing} %: {with} of {without} without a breaker, in {tries} tries");
        // At nineteen failures of twenty it looks like an outage for a while now and then.
        let least = if failing <= 80 { 9 } else { 5 };
        assert!(
            with * 10 >= without * least,
            "{failing} %: {with} of {without}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_no_failure_in_part() {
    let (accepted, tries) = accepted(100, BreakerSettings::default()).await;
    assert_eq!(accepted, 0);
    assert!(tries <= 100, "{tries} in two minutes");
}
