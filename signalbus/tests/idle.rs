//! Waiting until there is nothing to do.

use std::{sync::Arc, time::Duration};

use signalbus::{
    Clock, Event, Idempotency, MemoryStore, Order, Policy, Recipient, Signalbus, Templates,
    channel::Sms,
};
use signalbus_testkit::{
    PausedClock,
    provider::{Play, ScriptedProvider},
};

/// The second message is held back in the store while the first is in flight, so the engine sees
/// it only with another look.
#[tokio::test(start_paused = true)]
async fn idle_waits_for_what_an_earlier_message_held_back() {
    let clock = PausedClock::default();
    let provider = ScriptedProvider::<Sms>::new(Arc::new(clock.clone()));
    provider.default(Play::accept().after(Duration::from_millis(30)));
    let signalbus = Signalbus::builder()
        .store(
            MemoryStore::builder()
                .clock(Arc::new(clock.clone()))
                .build(),
        )
        .clock(clock.clone())
        .channel(Sms::new(), provider.clone())
        .templates(Templates::embedded(&[("a/en/sms.txt", "Hello")]).unwrap())
        .policy(Policy::new().on::<Sms>("a"))
        .start()
        .await
        .unwrap();
    let event = |order| {
        Event::new("a", Idempotency::None)
            .to(Recipient::new().sms("+447700900123"))
            .order(order)
    };
    signalbus.publish(event(Order::Start)).await.unwrap();
    clock.sleep(Duration::from_millis(10)).await;
    signalbus.publish(event(Order::Strict)).await.unwrap();
    signalbus.idle().await;
    assert_eq!(provider.sent().len(), 2);
    signalbus.shutdown().await;
}
