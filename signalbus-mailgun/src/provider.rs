use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use signalbus_core::{
    channel::Email,
    entropy::Entropy,
    name::{ProviderName, TenantId},
    provider::{Capabilities, Delivery, Lookup, Provider, SendError, Sent},
};
use signalbus_http_client::HttpClient;

use crate::{Account, EventSource, MailgunConfig, MailgunError, request, response};

/// Sends mails through Mailgun.
///
/// A mail is accepted when Mailgun has queued it; what becomes of it, receipts tell
/// ([`MailgunReceipts`](crate::MailgunReceipts)). Clones share connections.
///
/// ```
/// use signalbus_mailgun::Mailgun;
///
/// let provider = Mailgun::from_url("mailgun://key-1234@mg.acme.test?region=eu")?;
/// # Ok::<_, signalbus_mailgun::MailgunError>(())
/// ```
#[derive(Clone)]
pub struct Mailgun(Arc<Inner>);

struct Inner {
    name: ProviderName,
    config: MailgunConfig,
    http: HttpClient,
    entropy: Entropy,
}

/// What the engine waits longer than the client, so that the client's better answer counts.
const MARGIN: Duration = Duration::from_secs(5);

impl Mailgun {
    /// A provider of this configuration.
    ///
    /// # Errors
    /// When the name or a tag cannot be used, or the HTTP client cannot be made.
    pub fn new(config: MailgunConfig) -> Result<Self, MailgunError> {
        config.check()?;
        let name = ProviderName::new(&config.name).map_err(MailgunError::Name)?;
        let http = HttpClient::new(config.http.clone()).map_err(MailgunError::Http)?;
        Ok(Self(Arc::new(Inner {
            name,
            config,
            http,
            entropy: Entropy::from_os(),
        })))
    }

    /// The provider of a URL such as `mailgun://KEY@mg.example.com?region=eu`; see
    /// [`MailgunConfig::from_url`].
    ///
    /// # Errors
    /// When the URL has another form, or as [`Mailgun::new`].
    pub fn from_url(url: &str) -> Result<Self, MailgunError> {
        Self::new(MailgunConfig::from_url(url)?)
    }

    pub(crate) fn http(&self) -> &HttpClient {
        &self.0.http
    }

    pub(crate) fn account_of(&self, tenant: &TenantId) -> &Account {
        self.0.config.account_of(tenant)
    }

    /// The accounts that have a key for events.
    pub(crate) fn readable_accounts(&self) -> impl Iterator<Item = &Account> {
        let config = &self.0.config;
        std::iter::once(&config.account)
            .chain(config.tenants.values())
            .filter(|account| account.reading_key.is_some())
    }

    pub(crate) fn event_source(&self) -> &dyn EventSource {
        &*self.0.config.events
    }
}

#[async_trait]
impl Provider<Email> for Mailgun {
    fn name(&self) -> &str {
        self.0.name.as_str()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::default()
            .with_timeout(self.0.http.answer_within() + MARGIN)
            .reporting_start()
    }

    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        let Inner {
            config,
            http,
            entropy,
            ..
        } = &*self.0;
        let account = config.account_of(delivery.tenant);
        let now = http.clock().now();
        let request = request::send(&delivery, account, config, entropy, now)?;
        let answer = http.send(request, delivery.latch()).await?;
        response::of(&answer, http.clock().now())
    }

    /// There when some account has a key that may read events.
    fn lookup(&self) -> Option<&dyn Lookup<Email>> {
        self.readable_accounts().next().is_some().then_some(self)
    }
}

impl fmt::Debug for Mailgun {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailgun")
            .field("name", &self.0.name)
            .field("config", &self.0.config)
            .finish_non_exhaustive()
    }
}
