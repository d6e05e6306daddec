//! Text message.

use super::{Address, AddressError, Channel, Compose, ComposeError, Part};

/// Text message.
#[derive(Debug, Clone)]
pub struct Sms;

/// A number.
#[derive(Debug, Clone)]
pub struct PhoneNumber;

impl Address for PhoneNumber {
    fn parse(_: &str) -> Result<Self, AddressError> {
        Ok(Self)
    }

    fn as_str(&self) -> &str {
        ""
    }
}

impl Channel for Sms {
    const NAME: &'static str = "sms";
    const MESSAGE_VERSION: u16 = 1;
    const PARTS: &'static [Part] = &[];
    type Address = PhoneNumber;
    type Options = ();
    type Message = ();

    fn compose(&self, _: Compose<'_, Self>) -> Result<(), ComposeError> {
        Ok(())
    }
}
