//! Mail.

use super::{Address, AddressError, Channel, Compose, ComposeError, Part};

/// Mail.
#[derive(Debug, Clone)]
pub struct Email;

/// A mail address.
#[derive(Debug, Clone)]
pub struct EmailAddress;

impl Address for EmailAddress {
    fn parse(_: &str) -> Result<Self, AddressError> {
        Ok(Self)
    }

    fn as_str(&self) -> &str {
        ""
    }
}

impl Channel for Email {
    const NAME: &'static str = "email";
    const MESSAGE_VERSION: u16 = 1;
    const PARTS: &'static [Part] = &[];
    type Address = EmailAddress;
    type Options = ();
    type Message = ();

    fn compose(&self, _: Compose<'_, Self>) -> Result<(), ComposeError> {
        Ok(())
    }
}
