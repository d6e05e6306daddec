//! Waiting until there is nothing to do.
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests: a failed step fails the test"
)]

use std::{sync::Arc, time::Duration};

use signalbus::{
    ChannelSetup, Clock, Event, Idempotency, MemoryStore, Order, Policy, Recipient, RetryPolicy,
    Signalbus, Templates, channel::Sms, clock::later, provider::Fault,
};
use signalbus_testkit::{
    ManualClock, PausedClock,
    provider::{Play, ScriptedProvider},
};

const ZERO: Duration = Duration::ZERO;
const S: Duration = Duration::from_secs(1);

/// An engine that sends the topic `a`, and tries again every ten seconds.
async fn start<K: Clock + Clone>(clock: &K, provider: &ScriptedProvider<Sms>) -> Signalbus {
    let store = MemoryStore::builder().clock(Arc::new(clock.clone()));
    let retry = RetryPolicy::default().with_waits(10 * S, 10 * S, 10 * S);
    Signalbus::builder()
        .store(store.build())
        .clock(clock.clone())
        .channel_setup(ChannelSetup::new(Sms::new(), provider.clone()).retry(retry))
        .templates(Templates::embedded(&[("a/en/sms.txt", "Hello")]).unwrap())
        .policy(Policy::new().on::<Sms>("a"))
        .start()
        .await
        .unwrap()
}

fn event() -> Event {
    Event::new("a", Idempotency::None).to(Recipient::new().sms("+447700900123"))
}

/// The second message is held back in the store while the first is in flight, so the engine sees
/// it only with another look.
#[tokio::test(start_paused = true)]
async fn idle_waits_for_what_an_earlier_message_held_back() {
    let clock = PausedClock::default();
    let provider = ScriptedProvider::<Sms>::new(Arc::new(clock.clone()));
    provider.default(Play::accept().after(Duration::from_millis(30)));
    let signalbus = start(&clock, &provider).await;
    let event = |order| event().order(order);
    signalbus.publish(event(Order::Start)).await.unwrap();
    clock.sleep(Duration::from_millis(10)).await;
    signalbus.publish(event(Order::Strict)).await.unwrap();
    signalbus.idle().await;
    assert_eq!(provider.sent().len(), 2);
    signalbus.shutdown().await;
}

#[tokio::test(start_paused = true)]
async fn idle_within_waits_for_retries_that_are_due_in_time() {
    let clock = PausedClock::default();
    let provider = ScriptedProvider::<Sms>::new(Arc::new(clock.clone()));
    provider.next([
        Play::retryable(Fault::Recipient),
        Play::retryable(Fault::Recipient),
    ]);
    let signalbus = start(&clock, &provider).await;
    signalbus.publish(event()).await.unwrap();
    signalbus.idle().await;
    assert_eq!((provider.requests().len(), clock.monotonic()), (1, ZERO));
    signalbus.idle_within(9 * S).await;
    assert_eq!((provider.requests().len(), clock.monotonic()), (1, ZERO));
    signalbus.idle_within(19 * S).await;
    assert_eq!((provider.requests().len(), clock.monotonic()), (2, 10 * S));
    signalbus.idle_within(Duration::MAX).await;
    assert_eq!((provider.sent().len(), clock.monotonic()), (1, 20 * S));
    signalbus.shutdown().await;
    signalbus.idle_within(Duration::MAX).await;
}

#[tokio::test(start_paused = true)]
async fn idle_within_waits_for_a_chain_of_retries() {
    let clock = PausedClock::default();
    let provider = ScriptedProvider::<Sms>::new(Arc::new(clock.clone()));
    provider.next([
        Play::retryable(Fault::Recipient),
        Play::retryable(Fault::Recipient),
    ]);
    let signalbus = start(&clock, &provider).await;
    let later = event().send_at(later(clock.now(), 5 * S));
    signalbus.publish(later).await.unwrap();
    signalbus.idle_within(25 * S).await;
    assert_eq!((provider.sent().len(), clock.monotonic()), (1, 25 * S));
    signalbus.shutdown().await;
}

#[tokio::test]
async fn idle_within_goes_by_the_engines_clock_and_may_be_dropped() {
    let clock = ManualClock::default();
    let provider = ScriptedProvider::<Sms>::new(Arc::new(clock.clone()));
    provider.next([Play::retryable(Fault::Recipient)]);
    let signalbus = start(&clock, &provider).await;
    signalbus.publish(event()).await.unwrap();
    signalbus.idle().await;
    let mut first = Box::pin(signalbus.idle_within(10 * S));
    for _ in 0..100 {
        assert!(futures::poll!(&mut first).is_pending());
        tokio::task::yield_now().await;
    }
    drop(first);
    let idle = signalbus.idle_within(10 * S);
    let move_on = async {
        tokio::task::yield_now().await;
        clock.advance(10 * S);
    };
    tokio::join!(idle, move_on);
    assert_eq!(provider.sent().len(), 1);
    signalbus.shutdown().await;
}

/// As long as its provider is left alone, what is due stays so.
#[tokio::test(start_paused = true)]
async fn idle_waits_for_a_provider_that_is_left_alone() {
    let clock = PausedClock::default();
    let provider = ScriptedProvider::<Sms>::new(Arc::new(clock.clone()));
    provider.default(Play::permanent(Fault::Configuration));
    let signalbus = start(&clock, &provider).await;
    for _ in 0..2 {
        signalbus.publish(event()).await.unwrap();
    }
    tokio::select! {
        () = signalbus.idle() => panic!("it did not wait: {:?}", clock.monotonic()),
        () = clock.sleep(300 * S) => {}
    }
    provider.heal();
    signalbus.idle().await;
    assert_eq!(provider.sent().len(), 2);
    signalbus.shutdown().await;
}
