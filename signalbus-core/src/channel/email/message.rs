use std::{borrow::Cow, fmt};

use serde::{Deserialize, Serialize};

use super::{Header, Mailbox, Unsubscribe};
use crate::{clock::Timestamp, event::Attachment};

/// A finished mail, as providers take it. [`Email`](super::Email) makes it.
///
/// Texts are Unicode; how they are encoded on the way is the provider's business. Names, addresses
/// and header values are free of line breaks and control characters.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EmailMessage {
    /// The sender.
    pub from: Mailbox,
    /// Whom it is for.
    pub to: Mailbox,
    /// Who gets a copy, for all to see.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cc: Vec<Mailbox>,
    /// Who gets a copy, unseen: never written into the mail.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bcc: Vec<Mailbox>,
    /// Where answers go, if not to the sender.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reply_to: Vec<Mailbox>,
    /// One line.
    pub subject: String,
    /// The body as HTML; at least one of the bodies is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub html: Option<String>,
    /// The body as plain text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the event added; see [`EmailMessage::more_headers`] for all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<Header>,
    /// How to leave the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsubscribe: Option<Unsubscribe>,
    /// The value of `Message-ID`, with its brackets. It is `<delivery id@domain of the sender>`:
    /// the same for every try, for failover to another provider and for a redrive, so that a host
    /// that got the mail before can drop the copy.
    pub message_id: String,
    /// The value of `Date`: when the event was accepted.
    pub date: Timestamp,
    /// The files. Not stored with the message:
    /// [`Channel::attach`](crate::channel::Channel::attach) brings them back.
    #[serde(skip)]
    pub attachments: Vec<Attachment>,
}

impl EmailMessage {
    /// The headers beside addresses, subject, date and id: what the event added, and those of
    /// [`Unsubscribe`].
    pub fn more_headers(&self) -> impl Iterator<Item = (&str, Cow<'_, str>)> {
        let added = self
            .headers
            .iter()
            .map(|header| (header.name(), Cow::Borrowed(header.value())));
        let unsubscribe = self.unsubscribe.iter().flat_map(|unsubscribe| {
            [
                (
                    "List-Unsubscribe",
                    Cow::Owned(unsubscribe.list_unsubscribe()),
                ),
                (
                    "List-Unsubscribe-Post",
                    Cow::Borrowed(unsubscribe.list_unsubscribe_post()),
                ),
            ]
        });
        added.chain(unsubscribe)
    }

    /// Everybody who gets it: to, cc and bcc.
    pub fn recipients(&self) -> impl Iterator<Item = &Mailbox> {
        std::iter::once(&self.to).chain(&self.cc).chain(&self.bcc)
    }
}

impl fmt::Debug for EmailMessage {
    /// Shows neither addresses nor content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = |body: &Option<String>| body.as_ref().map(String::len);
        f.debug_struct("EmailMessage")
            .field("message_id", &self.message_id)
            .field("html_bytes", &bytes(&self.html))
            .field("text_bytes", &bytes(&self.text))
            .field("attachments", &self.attachments)
            .finish_non_exhaustive()
    }
}
