use std::{
    fmt,
    time::{Duration, SystemTime},
};

use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        MessageBuilder,
        header::{Date, HeaderName, MIME_VERSION_1_0},
    },
};
use signalbus_core::{
    channel::email::{EmailAddress, EmailMessage, Mailbox},
    provider::{Fault, SendError},
};

use super::{
    header,
    mime::{self, Content},
};

/// Why a message cannot be written as a mail. Shows no content.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// A mail has no date before 1970.
    #[error("the date of the message is before 1970")]
    Date,
    /// It has neither HTML nor text.
    #[error("the message has no body")]
    NoBody,
    /// A field cannot be encoded.
    #[error("the {field} of the message cannot be encoded")]
    Encoding {
        /// Which field.
        field: &'static str,
    },
}

impl From<MessageError> for SendError {
    fn from(error: MessageError) -> Self {
        let why = format!("the message cannot be written as a mail: {error}");
        Self::permanent(Fault::Message, why)
    }
}

/// The mail as the bytes of an `.eml` file (RFC 5322, with CRLF line ends), which mail programs
/// open. The same message always gives the same bytes. `bcc` is not in it.
///
/// # Errors
/// When the message cannot be written as a mail.
pub fn to_eml(message: &EmailMessage) -> Result<Vec<u8>, MessageError> {
    build(message).map(|mail| mail.formatted())
}

/// The mail with its envelope: the sender, and everybody who gets it.
pub(crate) fn build(message: &EmailMessage) -> Result<Message, MessageError> {
    let builder = headers(message)?.envelope(envelope(message)?);
    match mime::content(message)? {
        Content::Single(content_type, body) => builder
            .header(MIME_VERSION_1_0)
            .header(content_type)
            .body(body),
        Content::Multi(part) => builder.multipart(part),
    }
    .map_err(|_| MessageError::Encoding { field: "headers" })
}

fn headers(message: &EmailMessage) -> Result<MessageBuilder, MessageError> {
    let failed = |_: fmt::Error| MessageError::Encoding { field: "headers" };
    let list = |name: &'static str, mailboxes: &[Mailbox]| {
        header::mailboxes(HeaderName::new_from_ascii_str(name), mailboxes).map_err(failed)
    };
    let mut builder = Message::builder()
        .header(date(message)?)
        .raw_header(list("From", std::slice::from_ref(&message.from))?);
    for (name, mailboxes) in [
        ("Reply-To", message.reply_to.as_slice()),
        ("To", std::slice::from_ref(&message.to)),
        ("Cc", &message.cc),
    ] {
        if !mailboxes.is_empty() {
            builder = builder.raw_header(list(name, mailboxes)?);
        }
    }
    let subject = HeaderName::new_from_ascii_str("Subject");
    builder = builder
        .raw_header(header::text(subject, &message.subject).map_err(failed)?)
        .message_id(Some(message.message_id.clone()));
    for (name, value) in message.more_headers() {
        let name = HeaderName::new_from_ascii(name.to_owned())
            .map_err(|_| MessageError::Encoding { field: "headers" })?;
        builder = builder.raw_header(header::verbatim(name, &value).map_err(failed)?);
    }
    Ok(builder)
}

fn date(message: &EmailMessage) -> Result<Date, MessageError> {
    let seconds = u64::try_from(message.date.as_second()).map_err(|_| MessageError::Date)?;
    Ok(Date::new(
        SystemTime::UNIX_EPOCH + Duration::from_secs(seconds),
    ))
}

fn envelope(message: &EmailMessage) -> Result<Envelope, MessageError> {
    // `EmailAddress` is checked, and by more of the grammar than lettre knows.
    let address =
        |address: &EmailAddress| Address::new_dangerous(address.local_part(), address.domain());
    let recipients = message
        .recipients()
        .map(|mailbox| address(mailbox.address()))
        .collect();
    Envelope::new(Some(address(message.from.address())), recipients)
        .map_err(|_| MessageError::Encoding { field: "envelope" })
}

#[cfg(test)]
mod tests {
    use signalbus_core::provider::Outcome;

    use super::*;

    #[test]
    fn a_message_that_cannot_be_written_is_permanent() {
        let error = SendError::from(MessageError::NoBody);
        assert_eq!(error.outcome(), Outcome::Permanent);
        assert_eq!(error.fault(), Fault::Message);
    }
}
