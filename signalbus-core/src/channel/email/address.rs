use std::{
    fmt,
    hash::{Hash, Hasher},
};

use serde::{Deserialize, Serialize};

use super::{domain, local_part};
use crate::channel::{Address, AddressError};

/// An e-mail address such as `ada@example.org`.
///
/// It has two forms:
///
/// - [`EmailAddress::spelled`] is what mail is sent to. The local part keeps its case, because only
///   the receiving host may interpret it (RFC 5321 section 2.4); needless quotes are dropped. The
///   domain is in lower-case ASCII (`münchen.example` becomes `xn--mnchen-3ya.example`), so that
///   every server can take it.
/// - [`Address::as_str`] is the key for suppression, preferences and order: the same with the local
///   part in lower case too. Hosts that tell `Ada@` from `ada@` are all but extinct, and somebody
///   who unsubscribed under one spelling must not get mail under the other.
///
/// Equality goes by the key. Nothing more is taken for the same: dots and `+tags` are the
/// business of the host, and non-ASCII local parts are compared without Unicode normalization.
///
/// Taken are the `Dot-string` and `Quoted-string` of RFC 5321 section 4.1.2, non-ASCII text
/// (RFC 6531), at most 64 bytes before the `@` and 254 in all. Refused are address literals
/// (`ada@[192.0.2.1]`), comments, spaces around the address, control characters and invisible
/// ones.
///
/// ```
/// use signalbus::channel::{Address, email::EmailAddress};
///
/// let address = EmailAddress::parse("Ada@Example.ORG")?;
/// assert_eq!(address.spelled(), "Ada@example.org");
/// assert_eq!(address.as_str(), "ada@example.org");
/// assert_eq!(address, EmailAddress::parse("ada@example.org")?);
/// # Ok::<_, signalbus::channel::AddressError>(())
/// ```
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress {
    spelled: String,
    key: String,
    at: usize,
}

/// The longest address in bytes: a path has at most 256, with its two brackets (RFC 5321 section
/// 4.5.3.1.3).
const MAX: usize = 254;

impl EmailAddress {
    /// The address to send to.
    #[must_use]
    pub fn spelled(&self) -> &str {
        &self.spelled
    }

    /// The part before the `@` as it is sent, quoted where it must be.
    #[must_use]
    pub fn local_part(&self) -> &str {
        &self.spelled[..self.at]
    }

    /// The part after the `@`, in lower-case ASCII.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.spelled[self.at + 1..]
    }

    /// Whether the receiving server must speak SMTPUTF8 (RFC 6531) to take it.
    #[must_use]
    pub fn needs_smtputf8(&self) -> bool {
        !self.spelled.is_ascii()
    }
}

impl Address for EmailAddress {
    fn parse(text: &str) -> Result<Self, AddressError> {
        // No spelling is longer: escapes double a local part, and Unicode takes at most four times
        // the bytes of the ASCII form of a domain.
        if text.len() > 4 * MAX {
            return Err(too_long());
        }
        let (local, domain) = text.rsplit_once('@').ok_or_else(|| {
            AddressError::new("an e-mail address needs an '@', as in a@b.example")
        })?;
        let local = local_part::parse(local)?;
        let domain = domain::parse(domain)?;
        let spelled = format!("{local}@{domain}");
        if spelled.len() > MAX {
            return Err(too_long());
        }
        Ok(Self {
            key: spelled.to_lowercase(),
            at: local.len(),
            spelled,
        })
    }

    fn as_str(&self) -> &str {
        &self.key
    }
}

fn too_long() -> AddressError {
    AddressError::new("the address is longer than 254 bytes")
}

impl PartialEq for EmailAddress {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for EmailAddress {}

impl Hash for EmailAddress {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Debug for EmailAddress {
    /// Shows the domain only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EmailAddress(…@{})", self.domain())
    }
}

impl std::str::FromStr for EmailAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.spelled
    }
}
