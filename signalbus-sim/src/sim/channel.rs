//! Two channels without templates.

use serde::{Deserialize, Serialize};
use signalbus::{
    Channel,
    channel::{Address, AddressError, Compose, ComposeError, Part},
};

/// An address in the simulation: `person@channel`; one that starts with `bad` cannot be used.
#[derive(Debug, Clone)]
pub(super) struct Spot(String);

impl Address for Spot {
    fn parse(text: &str) -> Result<Self, AddressError> {
        if text.starts_with("bad") {
            return Err(AddressError::new("it is bad: use another"));
        }
        Ok(Self(text.to_owned()))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

/// A message in the simulation: only what tells it apart.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) content: String,
}

macro_rules! channel {
    ($(#[$doc:meta])* $name:ident, $text:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone)]
        pub(super) struct $name;

        impl Channel for $name {
            const NAME: &'static str = $text;
            const MESSAGE_VERSION: u16 = 1;
            const PARTS: &'static [Part] = &[];
            type Address = Spot;
            type Options = ();
            type Message = Note;

            fn compose(&self, input: Compose<'_, Self>) -> Result<Note, ComposeError> {
                if input.topic.as_str().ends_with(".broken") {
                    return Err(ComposeError::new("this topic makes no message"));
                }
                let content = input.data["content"].as_str().unwrap_or_default();
                Ok(Note {
                    content: content.to_owned(),
                })
            }
        }
    };
}

channel! {
    /// Sends at least once.
    Ping, "ping"
}
channel! {
    /// Sends at most once.
    Code, "code"
}
