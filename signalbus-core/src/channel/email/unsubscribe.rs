use std::fmt;

use serde::{Deserialize, Serialize};

use super::EmailAddress;

/// How the recipient can leave a list with one click (RFC 8058), as Gmail, Yahoo and Microsoft ask
/// of senders of many mails.
///
/// The URL must take a `POST` without cookies or sign-in and answer it without a redirect; a `GET`
/// must not unsubscribe, because scanners follow links. Its token should be opaque and different
/// for each recipient, so publish one event per recipient.
///
/// Both headers count only when a DKIM signature covers them.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct Unsubscribe {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    mailto: Option<EmailAddress>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Unchecked {
    url: String,
    #[serde(default)]
    mailto: Option<EmailAddress>,
}

impl TryFrom<Unchecked> for Unsubscribe {
    type Error = UnsubscribeError;

    fn try_from(unchecked: Unchecked) -> Result<Self, UnsubscribeError> {
        let mut unsubscribe = Self::new(unchecked.url)?;
        unsubscribe.mailto = unchecked.mailto;
        Ok(unsubscribe)
    }
}

/// Why a URL to unsubscribe was refused. Does not repeat it: it carries a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnsubscribeError {
    /// Not an `https` URL with a host (RFC 8058 section 3.1).
    #[error("the URL to unsubscribe must be of the form https://host/…")]
    Scheme,
    /// Has a space, a bracket, a quote, or something else that a URL writes as `%20`.
    #[error("the URL to unsubscribe has a character that must be percent-encoded")]
    Character,
    /// Longer than [`Unsubscribe::MAX_URL`].
    #[error("the URL to unsubscribe is longer than {} bytes", Unsubscribe::MAX_URL)]
    Length,
}

impl Unsubscribe {
    /// The longest URL in bytes: it must fit one line of a header (RFC 5322 section 2.1.1).
    pub const MAX_URL: usize = 900;

    /// Takes the URL that a mail program posts to.
    ///
    /// # Errors
    /// When it is not an `https` URL in ASCII, or is too long.
    pub fn new(url: impl Into<String>) -> Result<Self, UnsubscribeError> {
        let url = url.into();
        let rest = match url.split_at_checked("https://".len()) {
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https://") => rest,
            _ => return Err(UnsubscribeError::Scheme),
        };
        if !rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') {
            return Err(UnsubscribeError::Scheme);
        }
        if !url.bytes().all(is_uri_byte) {
            return Err(UnsubscribeError::Character);
        }
        if url.len() > Self::MAX_URL {
            return Err(UnsubscribeError::Length);
        }
        Ok(Self { url, mailto: None })
    }

    /// Adds an address to write to, for mail programs without one click.
    #[must_use]
    pub fn mailto(mut self, address: EmailAddress) -> Self {
        self.mailto = Some(address);
        self
    }

    /// The URL.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The value of the header `List-Unsubscribe` (RFC 2369 section 3.2).
    #[must_use]
    pub fn list_unsubscribe(&self) -> String {
        match &self.mailto {
            None => format!("<{}>", self.url),
            Some(address) => format!("<{}>, <{}>", self.url, mailto_uri(address)),
        }
    }

    /// The value of the header `List-Unsubscribe-Post` (RFC 8058 section 3.1).
    #[must_use]
    pub const fn list_unsubscribe_post(&self) -> &'static str {
        "List-Unsubscribe=One-Click"
    }
}

/// Characters a URI may have (RFC 3986 section 2).
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_graphic()
        && !matches!(
            byte,
            b'<' | b'>' | b'"' | b'\\' | b'^' | b'`' | b'{' | b'|' | b'}'
        )
}

/// RFC 6068 section 2: everything but unreserved characters and some delimiters is encoded.
fn mailto_uri(address: &EmailAddress) -> String {
    let mut uri = String::from("mailto:");
    for byte in address.spelled().bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~!$'*+@".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}

impl fmt::Debug for Unsubscribe {
    /// Shows nothing: the URL carries a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unsubscribe").finish_non_exhaustive()
    }
}
