use std::fmt;

use serde::{Deserialize, Serialize};

use super::Encoding;

/// A finished text message, as providers take it. [`Sms`](super::Sms) makes it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SmsMessage {
    /// A name of at most 11 characters, a number or a short code; the provider's default if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sender: Option<String>,
    /// Lines end with `\n`; there is no other control character.
    pub text: String,
    /// How it is encoded on the air.
    pub encoding: Encoding,
    /// How many segments it takes, and so what it costs.
    pub segments: u32,
}

impl fmt::Debug for SmsMessage {
    /// Shows no content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmsMessage")
            .field("encoding", &self.encoding)
            .field("segments", &self.segments)
            .finish_non_exhaustive()
    }
}
