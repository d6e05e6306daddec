use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::EmailAddress;
use crate::{
    channel::{Address, AddressError},
    text,
};

/// A person or role and their address, as in `"Ada Lovelace" <ada@example.org>`.
///
/// In JSON it is one string of that form.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mailbox {
    name: Option<String>,
    address: EmailAddress,
}

/// Why a mailbox was refused. Repeats neither name nor address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MailboxError {
    /// The name has a line break, a NUL or another control character.
    #[error("the name has a control character; use one line of plain text")]
    NameControl,
    /// The name switches the direction of text, and so could look like another one.
    #[error(
        "the name has a character that switches the direction of text (U+202A to U+202E, U+2066 \
         to U+2069); leave it out"
    )]
    NameDirection,
    /// The name is longer than [`Mailbox::MAX_NAME`].
    #[error("the name is longer than {} bytes", Mailbox::MAX_NAME)]
    NameLength,
    /// The text has none of the forms a mailbox is written in.
    #[error(
        "a mailbox is written as `address`, `Name <address>`, or `\"Name\" <address>` when the name \
         has quotes or brackets"
    )]
    Form,
    /// The address cannot be used.
    #[error("the address cannot be used: {0}")]
    Address(AddressError),
}

impl From<AddressError> for MailboxError {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

impl Mailbox {
    /// The longest name in bytes.
    pub const MAX_NAME: usize = 320;

    /// Takes an address and checks the name to show with it. Spaces around the name are dropped;
    /// an empty name is none.
    ///
    /// # Errors
    /// When the name has a control character or a direction switch, or is too long.
    pub fn new(name: Option<&str>, address: EmailAddress) -> Result<Self, MailboxError> {
        let name = match name.map(|name| name.trim_matches(' ')) {
            None | Some("") => None,
            Some(name) if name.len() > Self::MAX_NAME => return Err(MailboxError::NameLength),
            Some(name) if name.contains(text::is_control) => {
                return Err(MailboxError::NameControl);
            }
            Some(name) if name.contains(text::is_direction_switch) => {
                return Err(MailboxError::NameDirection);
            }
            Some(name) => Some(name.to_owned()),
        };
        Ok(Self { name, address })
    }

    /// The name to show.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The address.
    #[must_use]
    pub fn address(&self) -> &EmailAddress {
        &self.address
    }

    /// The form that [`Mailbox::from_str`] reads: `address` or `"Name" <address>`, in Unicode. A
    /// mail header needs its own encoding.
    #[must_use]
    pub fn to_text(&self) -> String {
        let address = self.address.spelled();
        match &self.name {
            None => address.to_owned(),
            Some(name) => {
                let name = name.replace('\\', "\\\\").replace('"', "\\\"");
                format!("\"{name}\" <{address}>")
            }
        }
    }
}

impl fmt::Display for Mailbox {
    /// As [`Mailbox::to_text`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_text())
    }
}

impl FromStr for Mailbox {
    type Err = MailboxError;

    /// Reads `address`, `<address>`, `Name <address>` or `"Name" <address>`.
    fn from_str(text: &str) -> Result<Self, MailboxError> {
        let text = text.trim_matches(' ');
        let Some(bracketed) = text.strip_suffix('>') else {
            return Self::new(None, EmailAddress::parse(text)?);
        };
        // A quoted local part may have brackets of its own.
        if let Some(quoted) = bracketed.strip_prefix('"') {
            let (name, rest) = unquote(quoted)?;
            let address = rest.trim_start_matches(' ').strip_prefix('<');
            let address = EmailAddress::parse(address.ok_or(MailboxError::Form)?)?;
            return Self::new(Some(&name), address);
        }
        let (name, address) = bracketed.split_once('<').ok_or(MailboxError::Form)?;
        let is_plain = !address.starts_with('"');
        if name.contains(['>', '"']) || is_plain && address.contains(['<', '>']) {
            return Err(MailboxError::Form);
        }
        Self::new(Some(name), EmailAddress::parse(address)?)
    }
}

/// Reads a `quoted-string` (RFC 5322 section 3.2.4) behind its first quote; the second part is
/// what stands behind its last.
fn unquote(quoted: &str) -> Result<(String, &str), MailboxError> {
    let mut text = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    loop {
        match chars.next() {
            Some('"') => return Ok((text, chars.as_str())),
            Some('\\') => text.push(chars.next().ok_or(MailboxError::Form)?),
            Some(c) => text.push(c),
            None => return Err(MailboxError::Form),
        }
    }
}

impl From<EmailAddress> for Mailbox {
    fn from(address: EmailAddress) -> Self {
        Self {
            name: None,
            address,
        }
    }
}

impl TryFrom<String> for Mailbox {
    type Error = MailboxError;

    fn try_from(text: String) -> Result<Self, MailboxError> {
        text.parse()
    }
}

impl From<Mailbox> for String {
    fn from(mailbox: Mailbox) -> Self {
        mailbox.to_text()
    }
}

impl fmt::Debug for Mailbox {
    /// Shows the domain only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox(…@{})", self.address.domain())
    }
}
