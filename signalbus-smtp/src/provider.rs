use std::{collections::HashMap, fmt, sync::Arc};

use async_trait::async_trait;
use signalbus_core::{
    channel::Email,
    clock::{Clock, SystemClock},
    name::{ProviderName, TenantId},
    provider::{Capabilities, Delivery, Fault, Provider, SendError, Sent},
};

use crate::{
    AnswerListener, ConfigError, DkimKeys, MailAnswers, SmtpConfig,
    account::Account,
    bounce::{TOKEN_HEADER, Token},
    client::{Envelope, Reply, SPLITTING},
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
    clock: Arc<dyn Clock>,
    account: Arc<Account>,
    tenants: HashMap<TenantId, Arc<Account>>,
    dkim: Arc<DkimKeys>,
    listener: Option<Arc<dyn AnswerListener>>,
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
            clock,
            account: Arc::new(account),
            tenants: HashMap::new(),
            dkim: Arc::default(),
            listener: None,
        })
    }

    /// Sends the mails of this tenant over an account of its own. Its `name` does not count.
    ///
    /// # Errors
    /// When a setting cannot be used.
    pub fn with_tenant(
        mut self,
        tenant: TenantId,
        config: &SmtpConfig,
    ) -> Result<Self, ConfigError> {
        let account = Account::new(config, &self.clock)?;
        self.tenants.insert(tenant, Arc::new(account));
        Ok(self)
    }

    /// Signs mails with the keys of their sender's domain.
    #[must_use]
    pub fn with_dkim(mut self, keys: DkimKeys) -> Self {
        self.dkim = Arc::new(keys);
        self
    }

    /// Tells this listener what the server said of each recipient.
    #[must_use]
    pub fn with_listener(mut self, listener: impl AnswerListener) -> Self {
        self.listener = Some(Arc::new(listener));
        self
    }

    fn account(&self, tenant: &TenantId) -> &Account {
        self.tenants.get(tenant).unwrap_or(&self.account)
    }

    fn accounts(&self) -> impl Iterator<Item = &Account> {
        let all = std::iter::once(&self.account).chain(self.tenants.values());
        all.map(|account| &**account)
    }

    /// The bytes of the mail.
    async fn write(
        &self,
        delivery: &Delivery<'_, Email>,
        token: Option<&Token>,
    ) -> Result<Vec<u8>, SendError> {
        let message = delivery.message;
        let files: usize = message
            .attachments
            .iter()
            .map(|file| file.content.len())
            .sum();
        let mut mail = if files < LARGE {
            mail::to_eml(message)?
        } else {
            let message = message.clone();
            blocking(move || mail::to_eml(&message)).await??
        };
        if let Some(token) = token {
            let header = format!("{TOKEN_HEADER}: {}\r\n", token.text());
            mail.splice(0..0, header.into_bytes());
        }
        // The final dot stands on a line of its own (RFC 5321 section 4.1.1.4).
        if !mail.ends_with(b"\r\n") {
            mail.extend_from_slice(b"\r\n");
        }
        // The date of the mail, not of the try: verifiers refuse a signature of the future, and
        // every try is the same bytes.
        let (domain, at) = (message.from.address().domain(), message.date.as_second());
        self.dkim
            .sign(delivery.tenant, domain, mail, at)
            .map_err(|error| {
                let why = format!("the mail cannot be signed: {error}");
                SendError::retryable(Fault::Configuration, why)
            })
    }
}

#[async_trait]
impl Provider<Email> for SmtpProvider {
    fn name(&self) -> &str {
        self.name.as_str()
    }

    fn capabilities(&self) -> Capabilities {
        let timeout = self.accounts().map(|account| account.deadlines.sum()).max();
        let connections = self.accounts().map(|account| account.connections).sum();
        Capabilities::default()
            .with_timeout(timeout.unwrap_or_default().saturating_add(SPLITTING))
            .with_concurrency(connections)
            .reporting_start()
    }

    /// Dropped before the content of the mail went out, nothing was sent; dropped later, it may
    /// have been. Either way the connection is closed.
    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        let message = delivery.message;
        let account = self.account(delivery.tenant);
        let copied = !(message.cc.is_empty() && message.bcc.is_empty());
        let bounces = account.bounces.as_ref().map(|path| {
            let recipient = copied.then_some(delivery.to);
            let token = path.token(delivery.tenant, delivery.id, delivery.generation, recipient);
            (path.sender(&token), token)
        });
        let (sender, token) = bounces.unzip();
        let mail = self.write(&delivery, token.as_ref()).await?;
        let copies: Vec<_> = message
            .cc
            .iter()
            .chain(&message.bcc)
            .map(|copy| copy.address())
            .collect();
        let envelope = Envelope {
            sender: sender
                .as_ref()
                .or(account.return_path.as_ref())
                .unwrap_or(message.from.address()),
            recipient: delivery.to,
            copies: &copies,
        };
        let addressed = if copied {
            Addressed::More
        } else {
            Addressed::One
        };
        let answers = account
            .pool
            .send(envelope, &mail, || delivery.request_started())
            .await
            .map_err(|failure| response::failed(&failure, addressed))?;
        if let Some(listener) = &self.listener {
            let code = |reply: &Reply| reply.to_string();
            listener.taken(&MailAnswers {
                tenant: delivery.tenant,
                delivery: delivery.id,
                accepted: answers.accepted.as_ref().map(code).unwrap_or_default(),
                copies: answers
                    .copies
                    .iter()
                    .map(|reply| reply.as_ref().map(code))
                    .collect(),
            });
        }
        Ok(Sent::with_id(&message.message_id))
    }
}

impl fmt::Debug for SmtpProvider {
    /// Shows no address and no secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpProvider")
            .field("name", &self.name)
            .field("account", &self.account)
            .field("tenants", &self.tenants.len())
            .field("dkim", &self.dkim)
            .finish_non_exhaustive()
    }
}
