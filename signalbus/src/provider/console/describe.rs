use std::fmt::{self, Write as _};

use crate::{channel::Channel, visible::Visible};

/// A channel whose messages a person can read: then a [`Console`](super::Console) can print them.
///
/// ```
/// use signalbus::provider::{Describe, Description};
/// # use signalbus::channel::{Address, AddressError, Channel, Compose, ComposeError, Part};
/// # #[derive(Debug, Clone)]
/// # struct Chat;
/// # #[derive(Debug, Clone)]
/// # struct Room(String);
/// # impl Address for Room {
/// #     fn parse(text: &str) -> Result<Self, AddressError> { Ok(Self(text.to_owned())) }
/// #     fn as_str(&self) -> &str { &self.0 }
/// # }
/// # impl Channel for Chat {
/// #     const NAME: &'static str = "chat";
/// #     const MESSAGE_VERSION: u16 = 1;
/// #     const PARTS: &'static [Part] = &[];
/// #     type Address = Room;
/// #     type Options = ();
/// #     type Message = String;
/// #     fn compose(&self, _: Compose<'_, Self>) -> Result<String, ComposeError> { Ok(String::new()) }
/// # }
///
/// impl Describe for Chat {
///     fn describe(message: &String, description: &mut Description) {
///         description.text("text", message);
///     }
/// }
/// ```
pub trait Describe: Channel {
    /// Shows the fields of a message, in the order in which a person reads them. Delivery, event,
    /// tenant and address are shown already.
    fn describe(message: &Self::Message, description: &mut Description);
}

/// What a person sees of a message, line by line. Whatever it is given, it stays within its lines.
pub struct Description {
    lines: String,
}

impl Description {
    pub(super) fn new(channel: &str, address: &str) -> Self {
        let mut description = Self {
            lines: String::new(),
        };
        description.line(format_args!("=== {channel} to {}", Visible(address)));
        description
    }

    /// A value in one line, behind its name.
    pub fn field(&mut self, name: &str, value: &str) {
        self.line(format_args!("{:9} {}", Visible(name), Visible(value)));
    }

    /// A text of several lines, below its name.
    pub fn text(&mut self, name: &str, text: &str) {
        self.line(format_args!("{}", Visible(name)));
        for line in text.lines() {
            self.line(format_args!("  | {}", Visible(line)));
        }
    }

    pub(super) fn into_text(mut self) -> String {
        self.lines.push('\n');
        self.lines
    }

    fn line(&mut self, line: fmt::Arguments<'_>) {
        // Writing into a string does not fail.
        let _ = writeln!(self.lines, "{line}");
    }
}

impl fmt::Debug for Description {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Description")
            .field("lines", &self.lines.lines().count())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_stays_within_its_lines() {
        let mut description = Description::new("chat", "#dev\n=== chat to #all");
        description.field("topic", "lunch\r\ntenant    other");
        description.field("a longer name", "is not cut");
        description.text("text", "one\r\n=== chat to #all\n\n\u{1b}[2Jtwo");
        assert_eq!(
            description.into_text(),
            "=== chat to #dev\\n=== chat to #all\n\
             topic     lunch\\r\\ntenant    other\n\
             a longer name is not cut\n\
             text\n  | one\n  | === chat to #all\n  | \n  | \\u{1b}[2Jtwo\n\n"
        );
    }

    #[test]
    fn debug_shows_no_content() {
        let mut description = Description::new("chat", "#dev");
        description.field("topic", "lunch");
        assert_eq!(format!("{description:?}"), "Description { lines: 2, .. }");
    }
}
