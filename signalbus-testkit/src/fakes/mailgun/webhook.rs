use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use signalbus_core::clock::Timestamp;

use crate::fakes::{Answered, call};

/// A signed webhook. Mailgun signs time and token, not the event.
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The body.
    pub body: Value,
}

impl Webhook {
    /// Signs an event with any key; `number` makes the token.
    #[must_use]
    pub fn sign(key: &str, event: &Value, now: Timestamp, number: u64) -> Self {
        let timestamp = now.as_second().to_string();
        let token = format!("{number:050}");
        let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).expect("any length will do");
        mac.update(timestamp.as_bytes());
        mac.update(token.as_bytes());
        let signature: String = mac
            .finalize()
            .into_bytes()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Self {
            body: json!({
                "signature": { "timestamp": timestamp, "token": token, "signature": signature },
                "event-data": event,
            }),
        }
    }

    /// The same signature with another event: what somebody does who has caught one.
    #[must_use]
    pub fn with_event(&self, event: &Value) -> Self {
        let mut forged = self.clone();
        forged.body["event-data"] = event.clone();
        forged
    }

    /// The body as it is posted.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        self.body.to_string().into_bytes()
    }

    /// Posts it once.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn post(&self, url: &str) -> std::io::Result<Answered> {
        let headers = [("Content-Type", "application/json")];
        call(url, &headers, &self.bytes()).await
    }

    /// Posts it as Mailgun does: up to seven times, until it is answered with 200 or 406; a `delivered` is
    /// not tried again. Without the waits. The last status; zero when there was no answer.
    pub async fn post_until_taken(&self, url: &str) -> u16 {
        let tries = if self.body["event-data"]["event"] == "delivered" {
            1
        } else {
            7
        };
        let mut status = 0;
        for _ in 0..tries {
            status = self.post(url).await.map_or(0, |answered| answered.status);
            if matches!(status, 200 | 406) {
                break;
            }
        }
        status
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("event", &self.body["event-data"]["event"])
            .finish_non_exhaustive()
    }
}
