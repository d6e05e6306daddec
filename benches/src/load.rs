use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use async_trait::async_trait;
use signalbus::{
    Channel, Provider,
    channel::{Address, AddressError, Compose, ComposeError, Part},
    provider::{Capabilities, Delivery, SendError, Sent},
};
use tokio::sync::Notify;

/// A channel without templates: the message is the event's own text.
#[derive(Debug, Clone, Copy)]
pub struct NoTemplates;

/// An address that is taken as it is.
#[derive(Debug, Clone)]
pub struct TakerAddress(String);

/// A message of one line.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Line(pub String);

impl Address for TakerAddress {
    fn parse(text: &str) -> Result<Self, AddressError> {
        Ok(Self(text.to_owned()))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl Channel for NoTemplates {
    const NAME: &'static str = "line";
    const MESSAGE_VERSION: u16 = 1;
    const PARTS: &'static [Part] = &[];
    type Address = TakerAddress;
    type Options = ();
    type Message = Line;

    fn compose(&self, input: Compose<'_, Self>) -> Result<Line, ComposeError> {
        let text = input.data.get("text").and_then(|text| text.as_str());
        text.map(|text| Line(text.to_owned()))
            .ok_or_else(|| ComposeError::new("data has no text"))
    }
}

/// A provider that takes everything at once and counts.
#[derive(Debug, Clone, Default)]
pub struct Taker {
    taken: Arc<AtomicU64>,
    wanted: Arc<AtomicU64>,
    reached: Arc<Notify>,
}

impl Taker {
    /// Waits until this many messages were taken in all.
    pub async fn reaches(&self, count: u64) {
        self.wanted.store(count, Ordering::SeqCst);
        while self.taken.load(Ordering::SeqCst) < count {
            self.reached.notified().await;
        }
    }

    /// How many messages were taken.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.taken.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl<C: Channel> Provider<C> for Taker {
    fn name(&self) -> &str {
        "taker"
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default().with_concurrency(100_000)
    }

    async fn send(&self, _: Delivery<'_, C>) -> Result<Sent, SendError> {
        let taken = self.taken.fetch_add(1, Ordering::SeqCst) + 1;
        if taken == self.wanted.load(Ordering::SeqCst) {
            self.reached.notify_one();
        }
        Ok(Sent::new())
    }
}
