use std::{borrow::Cow, collections::BTreeMap, sync::Arc, time::Duration};

use signalbus_core::name::{NameError, TenantId};
use signalbus_http_client::{BaseUrlError, ConfigError, HttpConfig};

use crate::{Account, EventSource, LegacyEvents, Region};

/// What a [`Mailgun`](crate::Mailgun) provider sends with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct MailgunConfig {
    /// The domain and key for tenants without their own.
    pub account: Account,
    /// The domains and keys of tenants.
    pub tenants: BTreeMap<TenantId, Account>,
    /// The name of the provider in history, logs and metrics: `mailgun` by default.
    pub name: String,
    /// Whether Mailgun counts openings and clicks, by an invisible image and by links that lead
    /// through it: off by default, whatever the domain is set to.
    pub tracking: bool,
    /// Whether a mail is delivered over TLS or not at all: off by default, which lets Mailgun fall
    /// back to plain text where the other server has no TLS.
    pub require_tls: bool,
    /// Whether Mailgun does everything but deliver: off by default. It bills all the same.
    pub test_mode: bool,
    /// Labels for Mailgun's statistics: at most three, of at most 128 ASCII characters.
    pub tags: Vec<String>,
    /// In which form mails are handed over.
    pub form: SendForm,
    /// How Mailgun is asked what happened: by [`LegacyEvents`] by default, which can be asked for one
    /// mail.
    pub events: Arc<dyn EventSource>,
    /// How requests are made.
    pub http: HttpConfig,
}

/// In which form mails are handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum SendForm {
    /// As fields, of which Mailgun builds the mail: `/messages`.
    #[default]
    Fields,
    /// As a mail that is built here, byte for byte as `signalbus-smtp` does: `/messages.mime`.
    #[cfg(feature = "mime")]
    Mime,
}

/// Why a Mailgun provider cannot be set up. Shows no key.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MailgunError {
    /// The URL is not of the form of [`MailgunConfig::from_url`].
    #[error(
        "a Mailgun URL is written as mailgun://KEY@mg.example.com?region=eu; this one {problem}"
    )]
    Url {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The domain is no domain name.
    #[error("the sending domain must be a domain name, such as mg.example.com")]
    Domain,
    /// The name is not one a provider can have.
    #[error("the provider name cannot be used")]
    Name(#[source] NameError),
    /// The base URL cannot be used.
    #[error("the base URL of Mailgun cannot be used")]
    BaseUrl(#[source] BaseUrlError),
    /// A tag is empty, too long or not ASCII, or there are too many.
    #[error("there may be 3 tags, each of 1 to 128 printable ASCII characters")]
    Tags,
    /// No client can be made.
    #[error("the HTTP client cannot be made")]
    Http(#[source] ConfigError),
}

impl MailgunConfig {
    /// This domain and key for every tenant.
    #[must_use]
    pub fn new(account: Account) -> Self {
        Self {
            account,
            tenants: BTreeMap::new(),
            name: "mailgun".to_owned(),
            tracking: false,
            require_tls: false,
            test_mode: false,
            tags: Vec::new(),
            form: SendForm::default(),
            events: Arc::new(LegacyEvents),
            // A mail with its files is larger than most requests.
            http: HttpConfig::default().answer_within(Duration::from_secs(60)),
        }
    }

    /// Reads `mailgun://KEY@mg.example.com`, with these parameters if need be: `region=eu`,
    /// `read_key=…` for look-ups, `name=…`, `tracking=on`, `require_tls=on`, `test_mode=on`,
    /// `tag=…` (up to three), `base_url=…` for a gateway or a fake. Keys and values are
    /// percent-decoded.
    ///
    /// # Errors
    /// When the URL has another form. It is not repeated: it has a key in it.
    pub fn from_url(url: &str) -> Result<Self, MailgunError> {
        let problem = |problem| MailgunError::Url { problem };
        let url = url::Url::parse(url).map_err(|_| problem("cannot be read"))?;
        if url.scheme() != "mailgun" {
            return Err(problem("has another scheme"));
        }
        if url.username().is_empty() || url.password().is_some() {
            return Err(problem("has no key, or a password besides"));
        }
        if url.port().is_some() || !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(problem("has a port, a path or a fragment"));
        }
        let key = decode(url.username()).ok_or(problem("has a bad percent-encoding"))?;
        let mut account = Account::new(url.host_str().unwrap_or_default(), key)?;
        let (mut name, mut tags) = (None, Vec::new());
        let [mut tracking, mut require_tls, mut test_mode] = [false; 3];
        let on = |value: &str| match value {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(problem("has a switch that is neither `on` nor `off`")),
        };
        for (field, value) in url.query_pairs() {
            match (&*field, &*value) {
                ("region", "us") => account = account.region(Region::Us)?,
                ("region", "eu") => account = account.region(Region::Eu)?,
                ("region", _) => return Err(problem("has a region other than `us` and `eu`")),
                ("read_key", key) => account = account.reading_key(key),
                ("base_url", base) => account = account.base_url(base)?,
                ("name", value) => name = Some(value.to_owned()),
                ("tag", tag) => tags.push(tag.to_owned()),
                ("tracking", value) => tracking = on(value)?,
                ("require_tls", value) => require_tls = on(value)?,
                ("test_mode", value) => test_mode = on(value)?,
                _ => return Err(problem("has a parameter that is not known")),
            }
        }
        let mut config = Self {
            tracking,
            require_tls,
            test_mode,
            tags,
            ..Self::new(account)
        };
        if let Some(name) = name {
            config.name = name;
        }
        Ok(config)
    }

    /// Sets the domain and key of a tenant.
    #[must_use]
    pub fn tenant(mut self, tenant: TenantId, account: Account) -> Self {
        self.tenants.insert(tenant, account);
        self
    }

    /// Sets the name of the provider: needed when there are two.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets whether Mailgun counts openings and clicks.
    #[must_use]
    pub fn tracking(mut self, on: bool) -> Self {
        self.tracking = on;
        self
    }

    /// Sets whether a mail is delivered over TLS or not at all.
    #[must_use]
    pub fn require_tls(mut self, on: bool) -> Self {
        self.require_tls = on;
        self
    }

    /// Sets whether Mailgun does everything but deliver. It bills all the same.
    #[must_use]
    pub fn test_mode(mut self, on: bool) -> Self {
        self.test_mode = on;
        self
    }

    /// Adds a label for Mailgun's statistics.
    #[must_use]
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Sets in which form mails are handed over.
    #[must_use]
    pub fn form(mut self, form: SendForm) -> Self {
        self.form = form;
        self
    }

    /// Sets how Mailgun is asked what happened.
    #[must_use]
    pub fn events(mut self, events: Arc<dyn EventSource>) -> Self {
        self.events = events;
        self
    }

    /// Sets how requests are made.
    #[must_use]
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.http = http;
        self
    }

    pub(crate) fn account_of(&self, tenant: &TenantId) -> &Account {
        self.tenants.get(tenant).unwrap_or(&self.account)
    }

    pub(crate) fn check(&self) -> Result<(), MailgunError> {
        let fits = |tag: &String| {
            (1..=128).contains(&tag.len()) && tag.bytes().all(|byte| (b' '..=b'~').contains(&byte))
        };
        if self.tags.len() > 3 || !self.tags.iter().all(fits) {
            return Err(MailgunError::Tags);
        }
        Ok(())
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Option<String> {
    // A `+` is a plus in this part of a URL, but a space in a form.
    let form = format!("k={}", text.replace('+', "%2B"));
    let (_, value) = url::form_urlencoded::parse(form.as_bytes()).next()?;
    let value: Cow<'_, str> = value;
    (!value.contains('\u{fffd}')).then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    #[test]
    fn urls() {
        let url = "mailgun://key%2F1+2@mg.acme.test?region=eu&read_key=r%26d&name=mailgun-eu\
                   &tracking=on&require_tls=on&test_mode=on&tag=a&tag=b%20c";
        let config = MailgunConfig::from_url(url).unwrap();
        assert_eq!(config.account.domain, "mg.acme.test");
        assert_eq!(config.account.base.host(), "api.eu.mailgun.net");
        assert_eq!(config.account.sending_key.expose_secret(), "key/1+2");
        let reading = config.account.reading_key.as_ref();
        assert_eq!(reading.map(ExposeSecret::expose_secret), Some("r&d"));
        assert_eq!(config.name, "mailgun-eu");
        assert!(config.tracking && config.require_tls && config.test_mode);
        assert_eq!(config.tags, ["a", "b c"]);

        let config = MailgunConfig::from_url("mailgun://k@mg.acme.test").unwrap();
        assert_eq!(config.account.base.host(), "api.mailgun.net");
        assert_eq!(config.name, "mailgun");
        assert!(!config.tracking && !config.require_tls && !config.test_mode);
    }

    #[test]
    fn urls_that_are_refused_do_not_come_back_in_the_error() {
        for (url, reason) in [
            ("", "cannot be read"),
            ("smtp://c4n4ry@mg.acme.test", "another scheme"),
            ("mailgun://mg.acme.test", "no key"),
            ("mailgun://api:c4n4ry@mg.acme.test", "a password"),
            ("mailgun://c4n4ry@mg.acme.test:99", "a port"),
            ("mailgun://c4n4ry@mg.acme.test/v3", "a path"),
            ("mailgun://c4n4ry%ff@mg.acme.test", "percent-encoding"),
            ("mailgun://c4n4ry@localhost", "domain name"),
            ("mailgun://c4n4ry@mg.acme.test?region=mars", "region"),
            ("mailgun://c4n4ry@mg.acme.test?key=c4n4ry", "not known"),
            ("mailgun://c4n4ry@mg.acme.test?tracking=yes", "switch"),
            (
                "mailgun://c4n4ry@mg.acme.test?base_url=http://c4n4ry.test",
                "base URL",
            ),
        ] {
            let error = MailgunConfig::from_url(url).unwrap_err();
            assert!(error.to_string().contains(reason), "{url}: {error}");
            assert!(!format!("{error} {error:?}").contains("c4n4ry"), "{url}");
        }
    }

    #[test]
    fn tags_are_checked() {
        let config = || MailgunConfig::from_url("mailgun://k@mg.acme.test").unwrap();
        config().tag("a").tag("b").tag("c").check().unwrap();
        for tag in ["", "ä", "a\r\nb", &"x".repeat(129)] {
            config().tag(tag).check().unwrap_err();
        }
        config()
            .tag("a")
            .tag("b")
            .tag("c")
            .tag("d")
            .check()
            .unwrap_err();
    }

    #[test]
    fn debug_shows_no_key() {
        let config = MailgunConfig::from_url("mailgun://c4n4ry@mg.acme.test?read_key=c4n4ry");
        assert!(!format!("{:?}", config.unwrap()).contains("c4n4ry"));
    }
}
