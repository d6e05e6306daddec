use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::Token;
use crate::entropy::Entropy;

/// The host's secret under which keys are hashed: whoever reads the directory alone can neither use
/// a key nor make one.
#[derive(Clone)]
pub struct Pepper([u8; 32]);

impl Pepper {
    /// A secret that was made before.
    #[must_use]
    pub const fn new(secret: [u8; 32]) -> Self {
        Self(secret)
    }

    /// Makes 256 random bits. Keep them: with another pepper no key is known any more.
    #[must_use]
    pub fn generate(entropy: &Entropy) -> Self {
        let mut secret = [0; 32];
        entropy.fill(&mut secret);
        Self(secret)
    }

    /// The secret itself, to be kept in a safe place.
    #[must_use]
    pub const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    /// HMAC-SHA-256 (RFC 2104) of a key.
    #[expect(clippy::expect_used, reason = "HMAC takes a key of any length")]
    pub(super) fn hash(&self, token: &Token) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("any length will do");
        mac.update(token.expose().as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// Compares in constant time.
    pub(super) fn is(&self, token: &Token, hash: &[u8; 32]) -> bool {
        bool::from(self.hash(token).ct_eq(hash))
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}
