use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Header, Mailbox, Unsubscribe};
use crate::channel::ComposeError;

/// What an event may say about its mails beside the data of their templates.
///
/// It holds for the mail of every recipient of the event: somebody in `cc` gets as many copies as
/// the event has recipients. Nobody who is on the suppression list gets one, and nobody gets a mail twice.
///
/// ```
/// use signalbus::channel::email::{EmailOptions, Header, Unsubscribe};
///
/// let options = EmailOptions::new()
///     .cc("Billing <billing@acme.test>".parse()?)
///     .header(Header::new("X-Entity-Ref-ID", "88213")?)
///     .unsubscribe(Unsubscribe::new("https://acme.test/leave/5b1d0c7a")?);
/// # assert_eq!(options.cc.len(), 1);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EmailOptions {
    /// Whom the mail comes from, instead of what the channel says: one that its tenant may name
    /// ([`Email::allow`](super::Email::allow)).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Mailbox>,
    /// Who gets a copy, for all to see.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<Mailbox>,
    /// Who gets a copy, unseen by the others.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<Mailbox>,
    /// Where answers go; instead of what the channel says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reply_to: Vec<Mailbox>,
    /// More headers; each name once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// How to leave the list; instead of what the channel makes for each recipient.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unsubscribe: Option<Unsubscribe>,
}

impl EmailOptions {
    /// The most mailboxes in `cc` and `bcc` together.
    pub const MAX_COPIES: usize = 50;
    /// The most mailboxes in `reply_to`.
    pub const MAX_REPLY_TO: usize = 10;
    /// The most headers.
    pub const MAX_HEADERS: usize = 50;

    /// None set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whom the mail comes from, instead of what the channel says.
    #[must_use]
    pub fn from(mut self, mailbox: Mailbox) -> Self {
        self.from = Some(mailbox);
        self
    }

    /// Adds somebody who gets a copy, for all to see.
    #[must_use]
    pub fn cc(mut self, mailbox: Mailbox) -> Self {
        self.cc.push(mailbox);
        self
    }

    /// Adds somebody who gets a copy, unseen by the others.
    #[must_use]
    pub fn bcc(mut self, mailbox: Mailbox) -> Self {
        self.bcc.push(mailbox);
        self
    }

    /// Adds where answers go; instead of what the channel says.
    #[must_use]
    pub fn reply_to(mut self, mailbox: Mailbox) -> Self {
        self.reply_to.push(mailbox);
        self
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, header: Header) -> Self {
        self.headers.push(header);
        self
    }

    /// Sets how to leave the list.
    #[must_use]
    pub fn unsubscribe(mut self, unsubscribe: Unsubscribe) -> Self {
        self.unsubscribe = Some(unsubscribe);
        self
    }

    /// Checks what the types of the fields do not: how many there are.
    pub(super) fn check(&self) -> Result<(), ComposeError> {
        let limits = [
            (
                "`cc` and `bcc`",
                self.cc.len() + self.bcc.len(),
                Self::MAX_COPIES,
            ),
            ("`reply_to`", self.reply_to.len(), Self::MAX_REPLY_TO),
            ("`headers`", self.headers.len(), Self::MAX_HEADERS),
        ];
        for (what, count, limit) in limits {
            if count > limit {
                return Err(ComposeError::new(format!(
                    "{what} have {count} entries; at most {limit} are allowed"
                )));
            }
        }
        for (index, header) in self.headers.iter().enumerate() {
            let repeated = |other: &Header| other.name().eq_ignore_ascii_case(header.name());
            if self.headers[..index].iter().any(repeated) {
                return Err(ComposeError::new(format!(
                    "the header `{}` is given twice",
                    header.name()
                )));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for EmailOptions {
    /// Shows neither addresses nor values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmailOptions")
            .field("from", &self.from.is_some())
            .field("cc", &self.cc.len())
            .field("bcc", &self.bcc.len())
            .field("reply_to", &self.reply_to.len())
            .field("headers", &self.headers)
            .field("unsubscribe", &self.unsubscribe.is_some())
            .finish()
    }
}
