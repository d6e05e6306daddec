use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::Value;
use sha2::{Digest, Sha256};
use signalbus_core::{
    clock::{Clock, SystemClock, Timestamp},
    name::{NameError, ProviderName},
    provider::{Callback, CallbackError, Heard, ReceiptSource},
};

use crate::{
    MailgunEvent, MemoryTokens, Signature, SigningKey, TokenState, UsedTokens, signature::AHEAD,
};

/// How Mailgun's webhooks are verified.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ReceiptsConfig {
    /// The signing key.
    pub key: SigningKey,
    /// The name of the provider whose mails it is about: `mailgun` by default.
    pub provider: String,
    /// How old a webhook may be: 9 hours by default, as Mailgun tries for some 8 and does not say that it
    /// signs anew.
    pub window: Duration,
    /// Which tokens were used.
    pub tokens: Arc<dyn UsedTokens>,
    /// What ages are measured on.
    pub clock: Arc<dyn Clock>,
}

/// Verifies and reads Mailgun's webhooks, those of a domain and those of an account alike.
///
/// ```
/// use signalbus_mailgun::{MailgunReceipts, ReceiptsConfig, SigningKey};
///
/// let key = SigningKey::new("the signing key").or_previous("the one before");
/// let receipts = MailgunReceipts::new(ReceiptsConfig::new(key))?;
/// # Ok::<_, signalbus_core::name::NameError>(())
/// ```
#[derive(Debug, Clone)]
pub struct MailgunReceipts {
    provider: ProviderName,
    config: ReceiptsConfig,
}

impl ReceiptsConfig {
    /// This key, for the provider named `mailgun`.
    #[must_use]
    pub fn new(key: SigningKey) -> Self {
        Self {
            key,
            provider: "mailgun".to_owned(),
            window: Duration::from_secs(9 * 60 * 60),
            tokens: Arc::new(MemoryTokens::new()),
            clock: Arc::new(SystemClock::new()),
        }
    }

    /// Sets the name of the provider whose mails it is about.
    #[must_use]
    pub fn provider(mut self, name: impl Into<String>) -> Self {
        self.provider = name.into();
        self
    }

    /// Sets how old a webhook may be.
    #[must_use]
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Sets where used tokens are kept.
    #[must_use]
    pub fn tokens(mut self, tokens: Arc<dyn UsedTokens>) -> Self {
        self.tokens = tokens;
        self
    }

    /// Sets what ages are measured on.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl MailgunReceipts {
    /// A source of receipts of this configuration.
    ///
    /// # Errors
    /// When the name is not one a provider can have.
    pub fn new(config: ReceiptsConfig) -> Result<Self, NameError> {
        Ok(Self {
            provider: ProviderName::new(&config.provider)?,
            config,
        })
    }

    /// Signature and event of a webhook whose signature is right.
    fn verified(&self, body: &[u8], now: Timestamp) -> Result<(Signature, Value), CallbackError> {
        // The signature is inside, so that the body has to be read to find it; nothing of it counts
        // before it is verified.
        let mut payload: Value = serde_json::from_slice(body).map_err(|_| CallbackError::Forged)?;
        let signature = Signature::read(&payload["signature"]).ok_or(CallbackError::Forged)?;
        self.config
            .key
            .verify(&signature, now, self.config.window)?;
        Ok((signature, payload["event-data"].take()))
    }
}

#[async_trait]
impl ReceiptSource for MailgunReceipts {
    fn provider(&self) -> &ProviderName {
        &self.provider
    }

    async fn read(&self, request: &Callback<'_>) -> Result<Heard, CallbackError> {
        let (signature, event) = self.verified(request.body, self.config.clock.now())?;
        let state = self
            .config
            .tokens
            .look(&signature.token, content(&event))
            .await?;
        if state == TokenState::Other {
            return Err(CallbackError::Replayed);
        }
        let event = MailgunEvent::read(&event)
            .ok_or_else(|| CallbackError::Malformed("the event has no id or no kind".into()))?;
        // The same token with the same event is the same webhook again: it is recognised when it is
        // recorded.
        Ok(Heard::report(event.report()))
    }

    async fn recorded(&self, request: &Callback<'_>) {
        let now = self.config.clock.now();
        if let Ok((signature, event)) = self.verified(request.body, now) {
            let tokens = &self.config.tokens;
            tokens
                .mark(
                    &signature.token,
                    content(&event),
                    now,
                    self.config.window + AHEAD,
                )
                .await;
        }
    }
}

/// What the event says, whatever the order of its fields.
fn content(event: &Value) -> [u8; 32] {
    let mut hash = Hashed(Sha256::new());
    // Writing into a hash does not fail.
    let _ = fmt::Write::write_fmt(&mut hash, format_args!("{event}"));
    hash.0.finalize().into()
}

struct Hashed(Sha256);

impl fmt::Write for Hashed {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.update(text);
        Ok(())
    }
}
