//! A channel without templates, and a provider that writes down every request.

use std::{
    fs::File,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use rand::{RngExt, rngs::StdRng};
use serde::{Deserialize, Serialize};
use signalbus::{
    Channel, Provider,
    channel::{Address, AddressError, Compose, ComposeError, Part},
    provider::{Delivery, Fault, SendError, Sent},
};

use crate::log::{self, Request};

/// The longest time a send takes before, and after, its request is written down.
const LONGEST: u64 = 4_000;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Line;

#[derive(Debug, Clone)]
pub(crate) struct LineAddress(String);

#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Number(u64);

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
    pub(crate) book: Arc<File>,
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
        "bookkeeper"
    }

    async fn send(&self, delivery: Delivery<'_, Line>) -> Result<Sent, SendError> {
        self.takes_a_while().await;
        let request = Request {
            message: delivery.message.0,
            delivery: delivery.id,
            attempt: delivery.attempt,
            at: log::now(),
        };
        log::append(&self.book, &request).map_err(|error| {
            SendError::retryable(Fault::Provider, "the book cannot be written").with_source(error)
        })?;
        self.takes_a_while().await;
        Ok(Sent::new())
    }
}
