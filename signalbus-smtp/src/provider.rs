use std::{fmt, sync::Arc};

use async_trait::async_trait;
use signalbus::{
    channel::{Email, email::EmailMessage},
    clock::{Clock, SystemClock},
    name::ProviderName,
    provider::{Capabilities, Delivery, Provider, SendError, Sent},
};

use crate::{
    ConfigError, SmtpConfig,
    account::Account,
    client::Envelope,
    mail,
    response::{self, Addressed},
    task::blocking,
};

/// Sends mails over SMTP (RFC 5321).
///
/// One mail a transaction: its recipient, with the copies in the envelope. When the server refuses
/// the recipient nothing is sent; when it refuses a copy, the others get theirs.
///
/// ```no_run
/// use signalbus_smtp::SmtpProvider;
///
/// let smtp = SmtpProvider::from_url("smtp://user:password@mail.acme.test")?;
/// # Ok::<_, signalbus_smtp::ConfigError>(())
/// ```
#[derive(Clone)]
pub struct SmtpProvider {
    name: ProviderName,
    account: Arc<Account>,
}

/// Mails with so many bytes of files are written on a thread for blocking work.
const LARGE: usize = 256 * 1024;

impl SmtpProvider {
    /// An account.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn new(config: SmtpConfig) -> Result<Self, ConfigError> {
        Self::with_clock(config, Arc::new(SystemClock::new()))
    }

    /// The account of a URL such as `smtp://user:password@mail.acme.test`; see
    /// [`SmtpConfig::from_url`].
    ///
    /// # Errors
    /// When the URL has another form, or a setting cannot be used.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        Self::new(SmtpConfig::from_url(url)?)
    }

    /// An account whose deadlines are measured by this clock.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn with_clock(config: SmtpConfig, clock: Arc<dyn Clock>) -> Result<Self, ConfigError> {
        let name = ProviderName::new(&config.name).map_err(ConfigError::Name)?;
        let account = Account::new(&config, &clock)?;
        Ok(Self {
            name,
            account: Arc::new(account),
        })
    }

    /// The bytes of the mail.
    async fn write(&self, message: &EmailMessage) -> Result<Vec<u8>, SendError> {
        let files: usize = message.attachments.iter().map(|file| file.content.len()).sum();
        if files < LARGE {
            return Ok(mail::to_eml(message)?);
        }
        let message = message.clone();
        Ok(blocking(move || mail::to_eml(&message)).await??)
    }
}

#[async_trait]
impl Provider<Email> for SmtpProvider {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_timeout(self.account.deadlines.sum())
            .with_concurrency(self.account.connections)
            .reporting_start()
    }

    /// Dropped before the content of the mail went out, nothing was sent; dropped later, it may
    /// have been. Either way the connection is closed.
    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        let message = delivery.message;
        let mail = self.write(message).await?;
        let copies: Vec<_> = message
            .cc
            .iter()
            .chain(&message.bcc)
            .map(|copy| copy.address())
            .collect();
        let envelope = Envelope {
            sender: self
                .account
                .return_path
                .as_ref()
                .unwrap_or(message.from.address()),
            recipient: delivery.to,
            copies: &copies,
        };
        let addressed = if copies.is_empty() {
            Addressed::One
        } else {
            Addressed::More
        };
        self.account
            .pool
            .send(envelope, &mail, || delivery.request_started())
            .await
            .map_err(|failure| response::failed(&failure, addressed))?;
        Ok(Sent::with_id(&message.message_id))
    }
}

impl fmt::Debug for SmtpProvider {
    /// Shows no address and no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpProvider")
            .field("name", &self.name)
            .field("account", &self.account)
            .finish()
    }
}
