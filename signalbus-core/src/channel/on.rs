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
    /// Sets the address on channel `C`.
    #[must_use]
    pub fn on<C: Channel>(mut self, address: impl Into<String>) -> Self {
        self.addresses.insert(C::NAME.to_owned(), address.into());
        self
    }

    /// Sets the e-mail address.
    #[cfg(feature = "email")]
    #[must_use]
    pub fn email(self, address: impl Into<String>) -> Self {
        self.on::<super::Email>(address)
    }

    /// Sets the telephone number for text messages, in international form (`+49…`).
    #[cfg(feature = "sms")]
    #[must_use]
    pub fn sms(self, number: impl Into<String>) -> Self {
        self.on::<super::Sms>(number)
    }
}
