use std::fmt;

use signalbus_core::Entropy;
use subtle::ConstantTimeEq;

/// The part of a receipt URL that nobody can guess, as in `/receipts/mailgun/3f9c…`. It is a second lock
/// beside the signature, and tells endpoints of one provider apart.
#[derive(Clone, PartialEq, Eq)]
pub struct ReceiptKey(String);

/// A key that could be guessed or does not fit into a URL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a receipt key must be 22 to 128 characters of a-z, A-Z, 0-9, '-' or '_', and random")]
#[non_exhaustive]
pub struct KeyError;

impl ReceiptKey {
    /// Takes a key that was made before.
    ///
    /// # Errors
    /// When it is too short or too long, or has another character.
    pub fn new(key: impl Into<String>) -> Result<Self, KeyError> {
        let key = key.into();
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if !(22..=128).contains(&key.len()) || !key.bytes().all(fits) {
            return Err(KeyError);
        }
        Ok(Self(key))
    }

    /// Makes a key of 160 random bits. Keep it: the provider's settings have it, too.
    #[must_use]
    pub fn generate(entropy: &Entropy) -> Self {
        let mut random = [0; 20];
        entropy.fill(&mut random);
        Self(random.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// The key, to be written into the provider's settings.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in constant time.
    pub(crate) fn is(&self, other: &str) -> bool {
        bool::from(self.0.as_bytes().ct_eq(other.as_bytes()))
    }
}

impl fmt::Debug for ReceiptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReceiptKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys() {
        let made = ReceiptKey::generate(&Entropy::from_os());
        assert_eq!(ReceiptKey::new(made.expose()), Ok(made.clone()));
        assert!(made.is(made.expose()));
        assert!(!made.is(&made.expose()[1..]));
        assert!(!format!("{made:?}").contains(made.expose()));
        for key in [
            "",
            "short",
            &"x".repeat(21),
            &"x".repeat(129),
            &format!("{}/", "x".repeat(30)),
        ] {
            assert_eq!(ReceiptKey::new(key), Err(KeyError));
        }
    }
}
