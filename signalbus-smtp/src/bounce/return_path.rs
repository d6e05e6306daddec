use std::fmt;

use ring::hmac;
use secrecy::{ExposeSecret, SecretString};
use signalbus_core::{
    channel::{Address, AddressError, email::EmailAddress},
    id::DeliveryId,
    name::TenantId,
};

use super::token::{LENGTH, Token};

/// The secret by which our own bounces are told from forged ones. Those who know it can forge them.
#[derive(Clone)]
pub struct BounceKey(hmac::Key);

/// Where bounces go, and how they are recognised.
///
/// Every mail carries a token of its delivery, which only [`BounceKey`] can make. With
/// [`ReturnPath::verp`] it stands in the envelope sender, as in
/// `bounces+5mf…@acme.test`, so that it comes back in whatever form the bounce has. With
/// [`ReturnPath::fixed`] it stands in the header `X-Signalbus-Token` only, for mailboxes that do not
/// take sub-addresses (RFC 5233); it is found when the bounce has the headers of the mail.
///
/// The domain should be that of the sender or one below it, so that SPF is aligned (RFC 7489 section
/// 3.1.2).
#[derive(Debug, Clone)]
pub struct ReturnPath {
    address: EmailAddress,
    verp: bool,
    key: BounceKey,
}

/// Why a return path cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReturnPathError {
    /// The address cannot be used.
    #[error("the address for bounces cannot be used")]
    Address(#[source] AddressError),
    /// The part before the `@` is longer than 15 bytes, quoted or not ASCII: no token fits behind it.
    #[error("the part of the address before the '@' must be 1 to 15 plain ASCII characters")]
    LocalPart,
    /// The secret is shorter than 32 bytes.
    #[error("the secret must have 32 bytes or more of random text")]
    Secret,
}

/// What stands between the local part and the token.
pub(super) const SEPARATOR: char = '+';

/// The header with the token.
pub(crate) const HEADER: &str = "X-Signalbus-Token";

impl BounceKey {
    /// Takes a random secret of 32 bytes or more.
    ///
    /// # Errors
    /// When it is shorter.
    pub fn new(secret: impl Into<SecretString>) -> Result<Self, ReturnPathError> {
        let secret = secret.into();
        let bytes = secret.expose_secret().as_bytes();
        if bytes.len() < 32 {
            return Err(ReturnPathError::Secret);
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, bytes)))
    }

    pub(super) const fn key(&self) -> &hmac::Key {
        &self.0
    }
}

impl ReturnPath {
    /// An address of its own for each delivery: `bounces@acme.test` becomes
    /// `bounces+…@acme.test`.
    ///
    /// # Errors
    /// When the address cannot be used, or its local part is too long for a token.
    pub fn verp(address: &str, key: BounceKey) -> Result<Self, ReturnPathError> {
        let path = Self::fixed(address, key)?;
        let local = path.address.local_part();
        // 64 bytes (RFC 5321 section 4.5.3.1.1), of which the token takes 48 and the sign one.
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._=".contains(&byte);
        if local.len() > 64 - LENGTH - 1 || !local.bytes().all(plain) {
            return Err(ReturnPathError::LocalPart);
        }
        Ok(Self { verp: true, ..path })
    }

    /// The same address for all.
    ///
    /// # Errors
    /// When the address cannot be used.
    pub fn fixed(address: &str, key: BounceKey) -> Result<Self, ReturnPathError> {
        Ok(Self {
            address: EmailAddress::parse(address).map_err(ReturnPathError::Address)?,
            verp: false,
            key,
        })
    }

    /// The token of a delivery; with copies in the envelope it says whom the mail was for.
    pub(crate) fn token(
        &self,
        tenant: &TenantId,
        delivery: DeliveryId,
        generation: u32,
        recipient: Option<&EmailAddress>,
    ) -> Token {
        Token::new(self.key.key(), tenant, delivery, generation, recipient)
    }

    /// The envelope sender.
    pub(crate) fn sender(&self, token: &Token) -> EmailAddress {
        if !self.verp {
            return self.address.clone();
        }
        let (local, domain) = (self.address.local_part(), self.address.domain());
        let address = format!("{local}{SEPARATOR}{}@{domain}", token.text());
        // It is one, as `verp` has checked what it is made of.
        EmailAddress::parse(&address).unwrap_or_else(|_| self.address.clone())
    }
}

impl fmt::Debug for BounceKey {
    /// Shows nothing of the secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BounceKey")
    }
}
