use std::fmt;

use secrecy::SecretString;
use signalbus_http_client::BaseUrl;

use crate::MailgunError;

/// One sending domain of a Mailgun account, and the keys for it.
#[derive(Clone)]
pub struct Account {
    pub(crate) domain: String,
    pub(crate) sending_key: SecretString,
    pub(crate) reading_key: Option<SecretString>,
    pub(crate) base: BaseUrl,
}

/// Where a domain lives. A key and a domain of one region are unknown in the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Region {
    /// `api.mailgun.net`.
    #[default]
    Us,
    /// `api.eu.mailgun.net`.
    Eu,
}

impl Region {
    fn url(self) -> &'static str {
        match self {
            Self::Us => "https://api.mailgun.net",
            Self::Eu => "https://api.eu.mailgun.net",
        }
    }
}

impl Account {
    /// A domain of the US region, and a key that may send from it: a domain sending key, or an API key.
    ///
    /// # Errors
    /// When the domain is not a domain name.
    pub fn new(
        domain: impl Into<String>,
        sending_key: impl Into<SecretString>,
    ) -> Result<Self, MailgunError> {
        let domain = domain.into();
        let label = |label: &str| {
            !label.is_empty()
                && label
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-')
        };
        if domain.len() > 253 || !domain.contains('.') || !domain.split('.').all(label) {
            return Err(MailgunError::Domain);
        }
        Ok(Self {
            domain,
            sending_key: sending_key.into(),
            reading_key: None,
            base: Self::base_of(Region::Us.url())?,
        })
    }

    /// Sets the region.
    ///
    /// # Errors
    /// Never with the regions there are.
    pub fn region(self, region: Region) -> Result<Self, MailgunError> {
        self.base_url(region.url())
    }

    /// Puts another server in Mailgun's place: a gateway, or a fake in tests.
    ///
    /// # Errors
    /// When the URL cannot be used; see [`BaseUrl::parse`].
    pub fn base_url(mut self, url: &str) -> Result<Self, MailgunError> {
        self.base = Self::base_of(url)?;
        Ok(self)
    }

    /// Sets a key that may read events, for look-ups. A domain sending key may not: it takes an API
    /// key of a role that reads (Mailgun's help on API key roles, July 2026).
    #[must_use]
    pub fn reading_key(mut self, key: impl Into<SecretString>) -> Self {
        self.reading_key = Some(key.into());
        self
    }

    /// The sending domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        &self.domain
    }

    fn base_of(url: &str) -> Result<BaseUrl, MailgunError> {
        BaseUrl::parse(url).map_err(MailgunError::BaseUrl)
    }
}

impl fmt::Debug for Account {
    /// Shows no key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("domain", &self.domain)
            .field("base", &self.base)
            .field("reads_events", &self.reading_key.is_some())
            .finish_non_exhaustive()
    }
}
