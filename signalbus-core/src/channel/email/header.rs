use std::fmt;

use serde::{Deserialize, Serialize};

use crate::text;

/// One more header of a mail, such as `X-Entity-Ref-ID: 88213`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Header {
    name: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    name: String,
    value: String,
}

impl TryFrom<Unchecked> for Header {
    type Error = HeaderError;

    fn try_from(header: Unchecked) -> Result<Self, HeaderError> {
        Self::new(header.name, header.value)
    }
}

/// Why a header was refused. Does not repeat its value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HeaderError {
    /// The name is empty, longer than 76 characters, or has a character other than printable ASCII
    /// without space and colon (RFC 5322 section 3.6.8).
    #[error("a header name must be 1 to 76 printable ASCII characters without space and ':'")]
    Name,
    /// The channel writes this header itself.
    #[error("the header `{name}` is written by the channel; {instead}")]
    Reserved {
        /// Its name.
        name: String,
        /// What to use.
        instead: &'static str,
    },
    /// The value has a line break, a NUL or another control character.
    #[error("the value of header `{name}` has a control character; use one line of plain text")]
    ValueControl {
        /// Its name.
        name: String,
    },
    /// The value switches the direction of text, and so could look like another one.
    #[error(
        "the value of header `{name}` has a character that switches the direction of text (U+202A \
         to U+202E); leave it out"
    )]
    ValueDirection {
        /// Its name.
        name: String,
    },
    /// The value looks like an encoded word (RFC 2047), which readers decode: what comes of it was
    /// checked by nobody.
    #[error("the value of header `{name}` is encoded; give it in plain Unicode, without `=?`")]
    ValueEncoded {
        /// Its name.
        name: String,
    },
    /// The value is empty or longer than [`Header::MAX_VALUE`].
    #[error(
        "the value of header `{name}` must have 1 to {} bytes",
        Header::MAX_VALUE
    )]
    ValueLength {
        /// Its name.
        name: String,
    },
}

impl Header {
    /// The longest value in bytes: with the longest name it still fits the 998 characters of a
    /// line (RFC 5322 section 2.1.1).
    pub const MAX_VALUE: usize = 900;

    /// Checks and takes a header.
    ///
    /// Refused are the headers that the channel or a mail server writes: `From`, `Sender`, `To`,
    /// `Cc`, `Bcc`, `Reply-To`, `Subject`, `Date`, `Message-ID`, `MIME-Version`, `Content-*`,
    /// `Resent-*`, `Return-Path`, `Received`, `Delivered-To` and the like, `X-Signalbus-*`,
    /// `DKIM-Signature`, `ARC-*`, `Authentication-Results`,
    /// `List-Unsubscribe` and `List-Unsubscribe-Post`.
    ///
    /// # Errors
    /// When the name or the value has a character that is not allowed, the name is reserved, or
    /// either is empty or too long.
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Result<Self, HeaderError> {
        let (name, value) = (name.into(), value.into());
        if !is_field_name(&name) {
            return Err(HeaderError::Name);
        }
        if let Some(instead) = reserved(&name) {
            return Err(HeaderError::Reserved { name, instead });
        }
        if value.contains(text::is_control) {
            return Err(HeaderError::ValueControl { name });
        }
        if value.contains(text::is_direction_override) {
            return Err(HeaderError::ValueDirection { name });
        }
        if value.contains("=?") {
            return Err(HeaderError::ValueEncoded { name });
        }
        if value.is_empty() || value.len() > Self::MAX_VALUE {
            return Err(HeaderError::ValueLength { name });
        }
        Ok(Self { name, value })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value, in Unicode and on one line: it is not encoded for mail yet.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl fmt::Debug for Header {
    /// Shows the name only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Header({}: …)", self.name)
    }
}

/// `ftext` of RFC 5322 section 3.6.8.
fn is_field_name(name: &str) -> bool {
    (1..=76).contains(&name.len())
        && name
            .bytes()
            .all(|byte| matches!(byte, 33..=126) && byte != b':')
}

/// What to use instead of a header that cannot be set.
fn reserved(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "from" | "sender" => Some("set the sender on the channel"),
        "to" => Some("set the address of the recipient"),
        "cc" | "bcc" => Some("use the options `cc` and `bcc`"),
        "reply-to" => Some("use the option `reply_to`"),
        "subject" => Some("use the template part `subject.txt`"),
        "list-unsubscribe" | "list-unsubscribe-post" => Some("use the option `unsubscribe`"),
        "date" | "message-id" | "mime-version" => Some("leave it out"),
        "return-path"
        | "received"
        | "received-spf"
        | "dkim-signature"
        | "authentication-results"
        | "delivered-to"
        | "envelope-to"
        | "x-original-to"
        | "apparently-to" => Some("leave it to the mail server"),
        _ if name.starts_with("x-signalbus-") => Some("leave it out"),
        _ if name.starts_with("content-") => Some("leave it out"),
        _ if name.starts_with("resent-") || name.starts_with("arc-") => {
            Some("leave it to the mail server")
        }
        _ => None,
    }
}
