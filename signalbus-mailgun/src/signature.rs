//! Mailgun's signature: hex of HMAC-SHA256 over timestamp and token ("Securing Webhooks", 2026). The
//! event is not covered by it.

use std::{fmt, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use sha2::Sha256;
use signalbus_core::{clock::Timestamp, provider::CallbackError};

/// The webhook signing key of an account, and the one before while it is being changed. It is not an
/// API key.
#[derive(Clone)]
pub struct SigningKey {
    current: SecretString,
    previous: Option<SecretString>,
}

/// What stands beside the event in a webhook.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signature {
    /// Seconds since 1970, as they were signed.
    pub timestamp: String,
    /// Fifty random characters, new for each event.
    pub token: String,
    /// Hex.
    pub signature: String,
    /// The same by the key of the main account, for events of a subaccount.
    pub parent_signature: Option<String>,
}

/// How far the clocks of two computers may be apart.
pub(crate) const AHEAD: Duration = Duration::from_secs(5 * 60);

/// Longer ones are not Mailgun's.
const MAX_TOKEN: usize = 256;

impl SigningKey {
    /// A signing key.
    #[must_use]
    pub fn new(current: impl Into<SecretString>) -> Self {
        Self {
            current: current.into(),
            previous: None,
        }
    }

    /// The key before, which is taken too.
    #[must_use]
    pub fn or_previous(mut self, previous: impl Into<SecretString>) -> Self {
        self.previous = Some(previous.into());
        self
    }

    /// Checks a signature, in constant time.
    ///
    /// # Errors
    /// [`CallbackError::Forged`] when no key made it, and [`CallbackError::Stale`] when it was made
    /// longer than `window` before `now`, or more than five minutes after.
    pub fn verify(
        &self,
        signature: &Signature,
        now: Timestamp,
        window: Duration,
    ) -> Result<(), CallbackError> {
        let keys = std::iter::once(&self.current).chain(&self.previous);
        // All are computed, whichever fits.
        let fits = keys.fold(false, |fits, key| fits | signature.is_made_by(key));
        if !fits {
            return Err(CallbackError::Forged);
        }
        let signed: i64 = signature
            .timestamp
            .parse()
            .map_err(|_| CallbackError::Forged)?;
        let age = i128::from(now.as_second()) - i128::from(signed);
        let fresh = -i128::from(AHEAD.as_secs()) <= age && age <= i128::from(window.as_secs());
        if fresh {
            Ok(())
        } else {
            Err(CallbackError::Stale)
        }
    }
}

impl Signature {
    /// Reads the member `signature` of a webhook; none when a field is missing.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let text = |field: &str| match &value[field] {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let signature = Self {
            timestamp: text("timestamp")?,
            token: text("token")?,
            signature: text("signature")?,
            parent_signature: text("parent-signature"),
        };
        // A timestamp of digits only: else a digit could move from it to the token.
        let digits = signature
            .timestamp
            .bytes()
            .all(|byte| byte.is_ascii_digit());
        let fits = digits
            && signature.timestamp.len() == 10
            && (1..=MAX_TOKEN).contains(&signature.token.len());
        fits.then_some(signature)
    }

    fn is_made_by(&self, key: &SecretString) -> bool {
        let made = |signature: &str| {
            let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes()) else {
                return false;
            };
            mac.update(self.timestamp.as_bytes());
            mac.update(self.token.as_bytes());
            unhex(signature).is_some_and(|signature| mac.verify_slice(&signature).is_ok())
        };
        let parent = self.parent_signature.as_deref().is_some_and(made);
        made(&self.signature) | parent
    }
}

/// Lower-case hex, as Mailgun writes it: one spelling, so that each altered byte fails.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let nibble = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    let bytes = text.as_bytes();
    if !bytes.len().is_multiple_of(2) {
        return None;
    }
    bytes
        .chunks_exact(2)
        .map(|pair| Some(nibble(pair[0])? * 16 + nibble(pair[1])?))
        .collect()
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("previous", &self.previous.is_some())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Signature {
    /// Shows what cannot be used again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signature")
            .field("timestamp", &self.timestamp)
            .finish_non_exhaustive()
    }
}
