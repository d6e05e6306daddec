//! The engine from the outside, on the store in memory.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use signalbus::{
    Channel, Event, Idempotency, MemoryStore, Order, Policy, Provider, Recipient, Signalbus,
    SystemClock, Templates, TenantId,
    channel::{Email, Sms},
    provider::{Delivery, SendError, Sent},
};
use signalbus_testkit::provider::{Play, ScriptedProvider};

#[derive(Debug, Clone, Default)]
struct Recorder(Arc<Mutex<Vec<String>>>);

#[async_trait]
impl<C: Channel> Provider<C> for Recorder {
    fn name(&self) -> &str {
        "recorder"
    }

    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError> {
        self.0.lock().unwrap().push(delivery.reference());
        Ok(Sent::with_id("x"))
    }
}

#[tokio::test]
async fn publishes_and_sends() {
    let recorder = Recorder::default();
    let bus = Signalbus::builder()
        .store(MemoryStore::new())
        .channel(
            Email::from("Acme <hello@acme.test>").unwrap(),
            recorder.clone(),
        )
        .templates(
            Templates::new()
                .part(
                    "user.signup",
                    "en",
                    "subject.txt",
                    "Hi {{ recipient.name }}",
                )
                .unwrap()
                .part("user.signup", "en", "body.txt", "Hello")
                .unwrap(),
        )
        .policy(Policy::new().on::<Email>("user.*"))
        .start()
        .await
        .unwrap();
    let published = bus
        .publish(
            Event::new("user.signup", Idempotency::key("a"))
                .to(Recipient::new().name("Ada").email("ada@example.org")),
        )
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let explained = bus
        .explain(&TenantId::default(), published.routes[0].delivery)
        .await
        .unwrap()
        .unwrap();
    println!("{explained}");
    assert_eq!(recorder.0.lock().unwrap().len(), 1);
    bus.shutdown().await;
}

/// The second message is held back in the store while the first is in flight, so the engine sees
/// it only with another look.
#[tokio::test]
async fn idle_waits_for_what_an_earlier_message_held_back() {
    let provider = ScriptedProvider::<Sms>::new(Arc::new(SystemClock::new()));
    provider.default(Play::accept().after(Duration::from_millis(30)));
    let bus = Signalbus::builder()
        .in_memory()
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
    let published = bus.publish(event(Order::Start)).await.unwrap();
    assert_eq!(published.deliveries(), 1);
    tokio::time::sleep(Duration::from_millis(10)).await;
    let published = bus.publish(event(Order::Strict)).await.unwrap();
    assert_eq!(published.deliveries(), 1);
    bus.idle().await;
    assert_eq!(provider.books().sent().len(), 2);
    bus.shutdown().await;
}
