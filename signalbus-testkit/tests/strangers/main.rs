//! What others wrote before the last shape was added: it still compiles, works as before, and is
//! refused what it lacks.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod store;

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use signalbus::{
    BuildError, Channel as _, Clock as _, Event, Idempotency, MemoryStore, Policy, Provider,
    Recipient, Signalbus, Templates,
    bus::{Batch, Bus, BusError, BusKind, Envelope, Lag, Place, Subscription},
    channel::Sms,
    provider::{Delivery, Fault, SendError, Sent},
    store::{EndState, Paused, State, StoreErrorKind},
};
use signalbus_testkit::PausedClock;
use store::OldStore;

/// Has what is mandatory. The first message is told to come back.
#[derive(Debug, Default)]
struct OldProvider(Mutex<Vec<String>>);

#[async_trait]
impl Provider<Sms> for OldProvider {
    fn name(&self) -> &str {
        "old"
    }

    async fn send(&self, delivery: Delivery<'_, Sms>) -> Result<Sent, SendError> {
        delivery.request_started();
        let mut sent = self.0.lock().unwrap();
        if sent.is_empty() && delivery.attempt == 1 {
            return Err(SendError::retryable(Fault::Provider, "busy"));
        }
        sent.push(delivery.id.to_string());
        Ok(Sent::new())
    }
}

/// Has what is mandatory, and gives nothing.
#[derive(Debug)]
struct OldBus;

#[derive(Debug)]
struct Silent;

#[async_trait]
impl Bus for OldBus {
    fn name(&self) -> &str {
        "old"
    }

    fn kind(&self) -> BusKind {
        BusKind::Acknowledged
    }

    async fn publish(&self, _: Vec<Envelope>) -> Result<(), BusError> {
        Ok(())
    }

    async fn subscribe(&self, _: &str, _: &str) -> Result<Box<dyn Subscription>, BusError> {
        Ok(Box::new(Silent))
    }
}

#[async_trait]
impl Subscription for Silent {
    async fn next(&mut self, _: usize) -> Result<Batch, BusError> {
        std::future::pending().await
    }

    async fn ack(&mut self, _: Vec<Place>) -> Result<(), BusError> {
        Ok(())
    }

    async fn lag(&mut self) -> Result<Vec<Lag>, BusError> {
        Ok(Vec::new())
    }
}

fn builder(policy: Policy, clock: &PausedClock) -> signalbus::Builder {
    let inner = MemoryStore::builder().clock(Arc::new(clock.clone()));
    Signalbus::builder()
        .store(OldStore(inner.build()))
        .clock(clock.clone())
        .channel(Sms::new(), OldProvider::default())
        .templates(Templates::embedded(&[("note/en/sms.txt", "hello")]).unwrap())
        .policy(policy.on::<Sms>("note"))
        .bus(OldBus, &"events".parse().unwrap(), "engines")
}

#[tokio::test(start_paused = true)]
async fn what_it_can_do_it_does() {
    let clock = PausedClock::default();
    let engine = builder(Policy::new(), &clock).start().await.unwrap();
    let event = Event::new("note", Idempotency::None).to(Recipient::new().sms("+447700900123"));
    let published = engine.publish(event).await.unwrap();
    clock.sleep(std::time::Duration::from_secs(60)).await;
    let delivery = published.routes[0].delivery;
    let tenant = signalbus::TenantId::default();
    let told = engine.store().delivery(&tenant, delivery);
    let record = told.await.unwrap().unwrap();
    assert_eq!(record.state, State::Ended(EndState::Accepted));
    assert_eq!(record.attempt, 2, "a retry without a memo");
    assert_eq!(Sms::NAME, "sms");
}

#[tokio::test]
async fn what_it_lacks_is_refused() {
    let pool = Policy::new().pool("note", "us".parse().unwrap());
    let refused = builder(pool, &PausedClock::default()).build().unwrap_err();
    assert!(
        matches!(refused, BuildError::StoreLacks { .. }),
        "{refused:?}"
    );
    let engine = builder(Policy::new(), &PausedClock::default())
        .build()
        .unwrap();
    let refused = engine.pause(Paused::everything(), "ops", "why").await;
    assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::Unsupported);
    assert!(engine.pauses().await.unwrap().is_empty());
}

/// Nobody takes the old store for one that keeps a shape.
#[test]
fn it_says_of_no_shape_that_it_keeps_it() {
    let features = signalbus::Store::features(&OldStore::default());
    for shape in signalbus::store::Shape::ALL {
        assert!(!features.has(shape), "{}", shape.as_str());
    }
}
