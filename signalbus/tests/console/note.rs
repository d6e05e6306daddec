//! A channel of somebody else's that can be described.

use signalbus::{
    Channel,
    channel::{Address, AddressError, Compose, ComposeError, Part, PartKind},
    provider::{Describe, Description},
};

#[derive(Debug, Clone)]
pub(crate) struct Note;

#[derive(Debug, Clone)]
pub(crate) struct Desk(String);

impl Address for Desk {
    fn parse(text: &str) -> Result<Self, AddressError> {
        Ok(Self(text.to_owned()))
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl Channel for Note {
    const NAME: &'static str = "note";
    const MESSAGE_VERSION: u16 = 1;
    const PARTS: &'static [Part] = &[Part {
        name: "note.txt",
        kind: PartKind::Text,
        required: true,
        one_of: false,
    }];
    type Address = Desk;
    type Options = ();
    type Message = String;

    fn compose(&self, input: Compose<'_, Self>) -> Result<String, ComposeError> {
        Ok(input.parts.text("note.txt").to_owned())
    }
}

impl Describe for Note {
    fn describe(note: &String, description: &mut Description) {
        description.text("note", note);
    }
}
