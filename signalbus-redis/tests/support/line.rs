//! A channel without templates.

use serde::{Deserialize, Serialize};
use signalbus::{
    Channel,
    channel::{Address, AddressError, Compose, ComposeError, Part},
};

#[derive(Debug, Clone, Copy)]
pub(crate) struct Line;

#[derive(Debug, Clone)]
pub(crate) struct LineAddress(String);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Text(pub(crate) String);

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
