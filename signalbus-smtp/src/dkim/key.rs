use std::{fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD};
use ring::{
    rand::SystemRandom,
    signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair},
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretString};
use signalbus_core::channel::{Address, email::EmailAddress};

/// A private key of a domain, and under which selector its public half stands in DNS.
///
/// Receivers that know Ed25519 are still few, and all know RSA: sign with both.
#[derive(Clone)]
pub struct DkimKey {
    pub(super) domain: String,
    pub(super) selector: String,
    pub(super) pair: Arc<Pair>,
}

pub(super) enum Pair {
    Rsa(RsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// Why a key cannot be used. Shows nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DkimError {
    /// The domain is not one that mail comes from.
    #[error("the signing domain is not a domain name")]
    Domain,
    /// The selector has a character that a DNS label cannot have.
    #[error("the selector must be letters, digits, '-' and '.'")]
    Selector,
    /// The text is no private key in PEM form.
    #[error(
        "the key is not in PEM form: PKCS #8 (`openssl genpkey`) or PKCS #1 for RSA, not encrypted"
    )]
    Form,
    /// The key is neither RSA of 2048 to 4096 bits nor Ed25519.
    #[error("the key must be RSA with 2048 to 4096 bits, or Ed25519")]
    Kind,
    /// The signature failed.
    #[error("the mail could not be signed")]
    Signing,
}

impl DkimKey {
    /// Takes a private key in PEM form: RSA (PKCS #1 or #8) or Ed25519 (PKCS #8), of this domain
    /// under this selector.
    ///
    /// # Errors
    /// When the names or the key cannot be used. RSA keys below 2048 bits are refused (RFC 8301
    /// section 3.2).
    pub fn new(
        domain: &str,
        selector: &str,
        pem: impl Into<SecretString>,
    ) -> Result<Self, DkimError> {
        let domain = EmailAddress::parse(&format!("x@{domain}")).map_err(|_| DkimError::Domain)?;
        let labels = |text: &str| {
            text.split('.').all(|label| {
                (1..=63).contains(&label.len())
                    && label
                        .bytes()
                        .all(|b| b.is_ascii_alphanumeric() || b == b'-')
            })
        };
        if !labels(selector) {
            return Err(DkimError::Selector);
        }
        let pem = pem.into();
        let key = PrivateKeyDer::from_pem_slice(pem.expose_secret().as_bytes())
            .map_err(|_| DkimError::Form)?;
        let der = key.secret_der();
        let pair = match &key {
            PrivateKeyDer::Pkcs1(_) => RsaKeyPair::from_der(der).map(Pair::Rsa),
            // Most tools write Ed25519 keys without their public half (version 1).
            PrivateKeyDer::Pkcs8(_) => Ed25519KeyPair::from_pkcs8_maybe_unchecked(der)
                .map(Pair::Ed25519)
                .or_else(|_| RsaKeyPair::from_pkcs8(der).map(Pair::Rsa)),
            _ => return Err(DkimError::Kind),
        };
        Ok(Self {
            domain: domain.domain().to_owned(),
            selector: selector.to_ascii_lowercase(),
            pair: Arc::new(pair.map_err(|_| DkimError::Kind)?),
        })
    }

    /// The domain that signs.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The selector.
    #[must_use]
    pub fn selector(&self) -> &str {
        &self.selector
    }

    /// Where the public half belongs in DNS, and what the TXT record there must say.
    #[must_use]
    pub fn record(&self) -> (String, String) {
        let name = format!("{}._domainkey.{}", self.selector, self.domain);
        let value = match &*self.pair {
            Pair::Rsa(pair) => {
                let key = BASE64_STANDARD.encode(spki(pair.public_key().as_ref()));
                format!("v=DKIM1; k=rsa; p={key}")
            }
            Pair::Ed25519(pair) => {
                let key = BASE64_STANDARD.encode(pair.public_key().as_ref());
                format!("v=DKIM1; k=ed25519; p={key}")
            }
        };
        (name, value)
    }

    pub(super) fn algorithm(&self) -> &'static str {
        match &*self.pair {
            Pair::Rsa(_) => "rsa-sha256",
            Pair::Ed25519(_) => "ed25519-sha256",
        }
    }

    pub(super) fn sign(&self, text: &[u8]) -> Result<Vec<u8>, DkimError> {
        match &*self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    text,
                    &mut signature,
                )
                .map_err(|_| DkimError::Signing)?;
                Ok(signature)
            }
            // RFC 8463 section 3: the hash is what is signed.
            Pair::Ed25519(pair) => {
                let hash = ring::digest::digest(&ring::digest::SHA256, text);
                Ok(pair.sign(hash.as_ref()).as_ref().to_vec())
            }
        }
    }
}

/// Puts the algorithm before an RSA key (RFC 5280 section 4.1), as DNS records have it.
fn spki(key: &[u8]) -> Vec<u8> {
    const RSA: [u8; 15] = [
        0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
    ];
    let bits = [&[0][..], key].concat();
    let content = [&RSA[..], &der(0x03, &bits)].concat();
    der(0x30, &content)
}

/// A DER value with its tag and length.
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let zeros = length.iter().take_while(|byte| **byte == 0).count();
    let length = &length[zeros..];
    let mut out = vec![tag];
    match (length, content.len()) {
        ([], _) => out.push(0),
        ([short], 0..0x80) => out.push(*short),
        // A length has at most eight bytes.
        (long, _) => {
            out.push(0x80 | u8::try_from(long.len()).unwrap_or_default());
            out.extend_from_slice(long);
        }
    }
    out.extend_from_slice(content);
    out
}

impl fmt::Debug for DkimKey {
    /// Shows nothing of the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DkimKey")
            .field("domain", &self.domain)
            .field("selector", &self.selector)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}
