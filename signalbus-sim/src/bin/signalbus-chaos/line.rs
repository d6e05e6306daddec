//! A channel without templates, and a provider that writes down every request.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rand::{RngExt, rngs::StdRng};
use serde::{Deserialize, Serialize};
use signalbus::{
    Channel, Provider, ProviderName,
    channel::{Address, AddressError, Compose, ComposeError, Part},
    name::ChannelName,
    provider::{Delivery, Fault, SendError, Sent},
};
use signalbus_sim::history::{Answer, Request, Seen};

use crate::log::Log;

/// The longest time a send takes before, and after, its request is written down.
const LONGEST: u64 = 4_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Line;

#[derive(Debug, Clone)]
pub(crate) struct LineAddress(String);

/// Which message it is; see [`content`].
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Number(u64);

/// What tells messages apart, as their key does.
pub(crate) fn content(number: u64) -> String {
    format!("message-{number}")
}

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
    type Message = Number;

    fn compose(&self, input: Compose<'_, Self>) -> Result<Number, ComposeError> {
        let number = input.data.get("number").and_then(|number| number.as_u64());
        number
            .map(Number)
            .ok_or_else(|| ComposeError::new("data has no number"))
    }
}

/// Writes each request into the book, some time after it was asked and some time before it
/// answers.
#[derive(Debug, Clone)]
pub(crate) struct Bookkeeper {
    pub(crate) book: Arc<Log>,
    pub(crate) name: ProviderName,
    pub(crate) channel: ChannelName,
    /// The process that asks.
    pub(crate) worker: String,
    pub(crate) random: Arc<Mutex<StdRng>>,
}

impl Bookkeeper {
    async fn takes_a_while(&self) {
        let micros = {
            let mut random = self.random.lock().unwrap_or_else(PoisonError::into_inner);
            random.random_range(0..LONGEST)
        };
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }
}

#[async_trait]
impl Provider<Line> for Bookkeeper {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    async fn send(&self, delivery: Delivery<'_, Line>) -> Result<Sent, SendError> {
        self.takes_a_while().await;
        let request = self.book.number();
        let line = Seen::Request(Request {
            request,
            provider: self.name.clone(),
            channel: self.channel.clone(),
            delivery: delivery.id,
            generation: delivery.generation,
            attempt: delivery.attempt,
            tenant: delivery.tenant.clone(),
            address: delivery.to.as_str().to_owned(),
            content: content(delivery.message.0),
            worker: self.worker.clone(),
            received: true,
            taken: true,
        });
        self.book.write(line).map_err(|error| {
            SendError::retryable(Fault::Provider, "the book cannot be written").with_source(error)
        })?;
        self.takes_a_while().await;
        let answer = Answer::Taken;
        self.book
            .write(Seen::Answered { request, answer })
            .map_err(|error| SendError::unknown("the book cannot be written").with_source(error))?;
        Ok(Sent::new())
    }
}
