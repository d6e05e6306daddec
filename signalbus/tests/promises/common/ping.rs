//! A channel of somebody else's, which misbehaves when the data says so.

use serde::{Deserialize, Serialize, Serializer};
use serde_json::json;
use signalbus::{
    Channel, Event, Idempotency, Recipient,
    channel::{Address, AddressError, Compose, ComposeError, Part},
};

/// In version `V` of its message.
#[derive(Debug, Clone)]
pub(crate) struct Ping<const V: u16>;

#[derive(Debug, Clone)]
pub(crate) struct Place(String);

#[derive(Deserialize)]
pub(crate) struct PingMessage {
    pub(crate) text: String,
}

impl Serialize for PingMessage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Plain<'a> {
            text: &'a str,
        }
        assert_ne!(self.text, "cannot be kept", "as the test wants");
        Plain { text: &self.text }.serialize(serializer)
    }
}

impl Address for Place {
    fn parse(text: &str) -> Result<Self, AddressError> {
        assert_ne!(text, "nowhere", "a panic for tests");
        Ok(Self(text.to_owned()))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const V: u16> Channel for Ping<V> {
    const NAME: &'static str = "ping";
    const MESSAGE_VERSION: u16 = V;
    const PARTS: &'static [Part] = &[];
    type Address = Place;
    type Options = ();
    type Message = PingMessage;

    fn compose(&self, input: Compose<'_, Self>) -> Result<PingMessage, ComposeError> {
        let text = input.data["n"].as_str().unwrap_or_default().to_owned();
        assert_ne!(text, "cannot be composed", "as the test wants");
        Ok(PingMessage {
            text: format!("{text}{}", if V > 1 { " again" } else { "" }),
        })
    }
}

/// A ping to a place of its own.
pub(crate) fn ping(text: &str) -> Event {
    Event::new("ping", Idempotency::None)
        .to(Recipient::new().on::<Ping<1>>(text))
        .data(json!({ "n": text }))
}
