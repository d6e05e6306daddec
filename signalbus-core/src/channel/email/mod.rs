//! Mail.
//!
//! Everything that becomes a header is checked here, once: a provider can write a
//! [`EmailMessage`] down without asking again whether a name hides a line break.

mod address;
mod attachments;
mod channel;
mod domain;
mod header;
mod links;
mod local_part;
mod mailbox;
mod message;
mod options;
mod senders;
#[cfg(test)]
mod tests;
mod unsubscribe;

pub use address::EmailAddress;
pub use channel::{Email, EmailError};
pub use header::{Header, HeaderError};
pub use links::{SignedLinks, UnsubscribeLinks};
pub use mailbox::{Mailbox, MailboxError};
pub use message::EmailMessage;
pub use options::EmailOptions;
pub use unsubscribe::{Unsubscribe, UnsubscribeError};
