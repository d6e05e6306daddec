//! An engine with a channel without templates, and a provider that counts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use signalbus::{
    Channel, EngineOptions, Event, Idempotency, Policy, Provider, Recipient, Signalbus,
    channel::{Address, AddressError, Compose, ComposeError, Part},
    provider::{Delivery, SendError, Sent},
};
use signalbus_postgres::PostgresStore;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Line;

#[derive(Debug, Clone)]
pub(crate) struct LineAddress(String);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Text(String);

impl Address for LineAddress {
    fn parse(text: &str) -> Result<Self, AddressError> {
        Ok(Self(text.to_owned()))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl Channel for Line {
    const NAME: &'static str = "line";
    const MESSAGE_VERSION: u16 = 1;
    const PARTS: &'static [Part] = &[];
    type Address = LineAddress;
    type Options = ();
    type Message = Text;

    fn compose(&self, input: Compose<'_, Self>) -> Result<Text, ComposeError> {
        Ok(Text(input.to.as_str().to_owned()))
    }
}

/// Counts requests by address.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter(Arc<Mutex<BTreeMap<String, u32>>>);

impl Counter {
    pub(crate) fn requests(&self) -> BTreeMap<String, u32> {
        self.0.lock().unwrap().clone()
    }

    /// Waits until this many addresses were written to.
    pub(crate) async fn reaches(&self, count: usize, limit: Duration) {
        let began = std::time::Instant::now();
        while self.requests().len() < count {
            assert!(
                began.elapsed() < limit,
                "{} of {count}",
                self.requests().len()
            );
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
}

#[async_trait]
impl Provider<Line> for Counter {
    fn name(&self) -> &str {
        "counter"
    }

    async fn send(&self, delivery: Delivery<'_, Line>) -> Result<Sent, SendError> {
        let mut requests = self.0.lock().unwrap();
        *requests.entry(delivery.message.0.clone()).or_default() += 1;
        Ok(Sent::new())
    }
}

/// An engine that is not started.
pub(crate) fn engine(store: PostgresStore, counter: &Counter, options: EngineOptions) -> Signalbus {
    Signalbus::builder()
        .store(store)
        .channel(Line, counter.clone())
        .policy(Policy::new().on::<Line>("test.*"))
        .options(options)
        .build()
        .unwrap()
}

/// A message to somebody, under a key of its own.
pub(crate) fn message(to: &str) -> Event {
    Event::new("test.line", Idempotency::key(format!("to-{to}")))
        .to(Recipient::new().on::<Line>(to.to_owned()))
}
