//! The engine from the outside, on the store in memory.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use signalbus::{
    Channel, Event, Idempotency, MemoryStore, Policy, Provider, Recipient, Signalbus, Templates,
    TenantId,
    channel::Email,
    provider::{Delivery, SendError, Sent},
};

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
