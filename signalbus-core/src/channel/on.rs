//! What an event says for a channel, named by the type of the channel.

use super::Channel;
use crate::event::{Event, Recipient};

impl Event {
    /// Sets what channel `C` takes beside its templates.
    ///
    /// # Errors
    /// When the options do not serialize to JSON.
    pub fn options<C: Channel>(mut self, options: &C::Options) -> Result<Self, serde_json::Error> {
        self.options
            .insert(C::NAME.to_owned(), serde_json::to_value(options)?);
        Ok(self)
    }
}

impl Recipient {
    /// Adds an address on channel `C`: with several, each gets the message.
    #[must_use]
    pub fn on<C: Channel>(mut self, address: impl Into<String>) -> Self {
        let address = address.into();
        match self.addresses.get_mut(C::NAME) {
            Some(addresses) => addresses.push(address),
            None => {
                self.addresses.insert(C::NAME.to_owned(), address.into());
            }
        }
        self
    }

    /// Adds an e-mail address.
    #[cfg(feature = "email")]
    #[must_use]
    pub fn email(self, address: impl Into<String>) -> Self {
        self.on::<super::Email>(address)
    }

    /// Adds a telephone number for text messages, in international form (`+49…`).
    #[cfg(feature = "sms")]
    #[must_use]
    pub fn sms(self, number: impl Into<String>) -> Self {
        self.on::<super::Sms>(number)
    }
}
