use std::fmt;

use signalbus::channel::{Address, AddressError, Channel, Compose, ComposeError, Part, PartKind};

/// Messages to a room or a user of a chat.
#[derive(Debug, Clone)]
pub(crate) struct Chat;

impl Channel for Chat {
    const NAME: &'static str = "chat";
    const MESSAGE_VERSION: u16 = 1;
    const PARTS: &'static [Part] = &[Part {
        name: "chat.txt",
        kind: PartKind::Text,
        required: true,
        one_of: false,
    }];

    type Address = Handle;
    type Options = ();
    type Message = String;

    fn compose(&self, input: Compose<'_, Self>) -> Result<String, ComposeError> {
        match input.parts.text("chat.txt").trim() {
            "" => Err(ComposeError::new("`chat.txt` is empty")),
            text => Ok(text.to_owned()),
        }
    }
}

/// `#room` or `@user`, in lower case.
#[derive(Clone)]
pub(crate) struct Handle(String);

impl Address for Handle {
    fn parse(text: &str) -> Result<Self, AddressError> {
        match text.strip_prefix(['#', '@']) {
            Some(name) if !name.is_empty() => Ok(Self(text.to_lowercase())),
            _ => Err(AddressError::new("a chat address is a #room or a @user")),
        }
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Handle {
    /// Does not show it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Handle(…)")
    }
}
