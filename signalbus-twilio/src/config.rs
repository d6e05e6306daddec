use std::num::NonZeroU32;

use secrecy::SecretString;
use signalbus_core::name::NameError;
use signalbus_http_client::{BaseUrl, BaseUrlError, ConfigError, HttpConfig};

use crate::{Auth, Pool, Pools, Sender, SenderError, pool::is_sid};

/// What a [`Twilio`](crate::Twilio) provider sends with.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct TwilioConfig {
    /// The SID of the account: `AC` and 32 hex digits.
    pub account: String,
    /// How requests are signed in.
    pub auth: Auth,
    /// Whom texts are from, when the message itself does not say.
    pub pools: Pools,
    /// The name of the provider in history, logs and metrics: `twilio` by default.
    pub name: String,
    /// Where the API is: `https://api.twilio.com` by default. For a region it is
    /// `https://api.EDGE.REGION.twilio.com`; the form without an edge is on its way out (April 2026).
    pub base: BaseUrl,
    /// Where OAuth tokens are: `https://oauth.twilio.com` by default.
    pub oauth: BaseUrl,
    /// Where Twilio says what became of a message, if it is to be told.
    pub status_callback: Option<String>,
    /// How often Twilio tries again when a receipt is not taken: 5 by default, the most there is. Without
    /// it Twilio tries once.
    pub callback_retries: u8,
    /// Whether Twilio replaces characters that would make a text longer by ones that look alike: off by
    /// default.
    pub smart_encoding: bool,
    /// Whether Twilio is asked for texts whose answer was lost: on by default. The key must be one that may
    /// read messages.
    pub look_up: bool,
    /// How requests are made.
    pub http: HttpConfig,
}

/// Why a Twilio provider cannot be set up. Shows no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TwilioError {
    /// The URL is not of the form of [`TwilioConfig::from_url`].
    #[error(
        "a Twilio URL is written as twilio://ACCOUNT_SID:AUTH_TOKEN@SENDER; this one {problem}"
    )]
    Url {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The SID is not one of an account.
    #[error("the account SID must be AC and 32 hex digits")]
    Account,
    /// There is no sender, or a pool without one.
    #[error("each pool needs a sender, and there must be a pool")]
    NoSender,
    /// A sender cannot be used.
    #[error("a sender cannot be used")]
    Sender(#[source] SenderError),
    /// The URL for receipts cannot be used.
    #[error(
        "the URL for receipts must be https, without a fragment, and its host without underscores: \
         Twilio takes no other"
    )]
    StatusCallback,
    /// The name is not one a provider can have.
    #[error("the provider name cannot be used")]
    Name(#[source] NameError),
    /// A base URL cannot be used.
    #[error("a base URL of Twilio cannot be used")]
    BaseUrl(#[source] BaseUrlError),
    /// No client can be made.
    #[error("the HTTP client cannot be made")]
    Http(#[source] ConfigError),
}

impl TwilioConfig {
    /// This account, sending from these pools.
    ///
    /// # Errors
    /// When the SID is not one of an account.
    pub fn new(account: impl Into<String>, auth: Auth, pools: Pools) -> Result<Self, TwilioError> {
        let account = account.into();
        if !is_sid(&account, "AC") {
            return Err(TwilioError::Account);
        }
        let base = |url| BaseUrl::parse(url).map_err(TwilioError::BaseUrl);
        Ok(Self {
            account,
            auth,
            pools,
            name: "twilio".to_owned(),
            base: base("https://api.twilio.com")?,
            oauth: base("https://oauth.twilio.com")?,
            status_callback: None,
            callback_retries: 5,
            smart_encoding: false,
            look_up: true,
            http: HttpConfig::default(),
        })
    }

    /// Reads `twilio://ACCOUNT_SID:AUTH_TOKEN@SENDER`, where the sender is a number (`+15005550006`), a
    /// short code, a name or the SID of a messaging service, with these parameters if need be:
    /// `key=SK…` when what stands in place of the token is the secret of an API key; `client_id=…` when it
    /// is that of an OAuth application; `status_callback=…`; `name=…`; `base_url=…`, `oauth_url=…`;
    /// `segments_a_second=…`; `look_up=off`. All are percent-decoded.
    ///
    /// # Errors
    /// When the URL has another form. It is not repeated: it has a secret in it.
    pub fn from_url(text: &str) -> Result<Self, TwilioError> {
        let problem = |problem| TwilioError::Url { problem };
        // A plus is none of a host's characters, so that this URL is taken apart by hand.
        let rest = text
            .strip_prefix("twilio://")
            .ok_or(problem("has another scheme"))?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (credentials, sender) = rest
            .rsplit_once('@')
            .ok_or(problem("has no credentials or no sender"))?;
        let (account, secret) = credentials.split_once(':').ok_or(problem("has no token"))?;
        let decode = |text: &str| decode(text).ok_or(problem("has a bad percent-encoding"));
        let secret = SecretString::from(decode(secret)?);
        let mut sender = Sender::new(&decode(sender)?).map_err(TwilioError::Sender)?;
        let mut auth = Auth::Token(secret.clone());
        let mut config = Self::new(account, auth.clone(), Pools::new())?;
        for (field, value) in url::form_urlencoded::parse(query.replace('+', "%2B").as_bytes()) {
            let value = value.into_owned();
            match &*field {
                "key" => {
                    auth = Auth::Key {
                        sid: value,
                        secret: secret.clone(),
                    };
                }
                "client_id" => {
                    auth = Auth::OAuth {
                        client_id: value,
                        client_secret: secret.clone(),
                    };
                }
                "status_callback" => config = config.status_callback(value)?,
                "name" => config.name = value,
                "base_url" => config = config.base_url(&value)?,
                "oauth_url" => config = config.oauth_url(&value)?,
                "segments_a_second" => {
                    let rate: NonZeroU32 = value
                        .parse()
                        .map_err(|_| problem("has a rate that is no number above zero"))?;
                    sender = sender.segments_a_second(rate);
                }
                "look_up" if value == "on" => config.look_up = true,
                "look_up" if value == "off" => config.look_up = false,
                _ => return Err(problem("has a parameter that is not known")),
            }
        }
        config.auth = auth;
        config.pools = Pools::new().pool(Pool::new([sender]));
        Ok(config)
    }

    /// Sets the name of the provider: needed when there are two.
    #[must_use]
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets where the API is: a region, a gateway, or a fake in tests.
    ///
    /// # Errors
    /// When the URL cannot be used; see [`BaseUrl::parse`].
    pub fn base_url(mut self, url: &str) -> Result<Self, TwilioError> {
        self.base = BaseUrl::parse(url).map_err(TwilioError::BaseUrl)?;
        Ok(self)
    }

    /// Sets where OAuth tokens are.
    ///
    /// # Errors
    /// When the URL cannot be used; see [`BaseUrl::parse`].
    pub fn oauth_url(mut self, url: &str) -> Result<Self, TwilioError> {
        self.oauth = BaseUrl::parse(url).map_err(TwilioError::BaseUrl)?;
        Ok(self)
    }

    /// Sets where Twilio says what became of a message: the public URL that
    /// [`TwilioReceipts`](crate::TwilioReceipts) are read from.
    ///
    /// # Errors
    /// When Twilio would not take it; it takes neither underscores in a host name nor a fragment of ours,
    /// and `http` only from this machine's own tests.
    pub fn status_callback(mut self, url: impl Into<String>) -> Result<Self, TwilioError> {
        let url = url.into();
        let parsed = url::Url::parse(&url).map_err(|_| TwilioError::StatusCallback)?;
        let bare = {
            let mut bare = parsed.clone();
            bare.set_query(None);
            bare
        };
        let usable = BaseUrl::parse(bare.as_str()).is_ok()
            && parsed.fragment().is_none()
            && parsed.host_str().is_some_and(|host| !host.contains('_'));
        if !usable {
            return Err(TwilioError::StatusCallback);
        }
        self.status_callback = Some(url);
        Ok(self)
    }

    /// Sets whether Twilio replaces characters that would make a text longer.
    #[must_use]
    pub fn smart_encoding(mut self, on: bool) -> Self {
        self.smart_encoding = on;
        self
    }

    /// Sets whether Twilio is asked for texts whose answer was lost.
    #[must_use]
    pub fn look_up(mut self, on: bool) -> Self {
        self.look_up = on;
        self
    }

    /// Sets how requests are made.
    #[must_use]
    pub fn http(mut self, http: HttpConfig) -> Self {
        self.http = http;
        self
    }
}

/// Undoes percent-encoding.
fn decode(text: &str) -> Option<String> {
    let form = format!("k={}", text.replace('+', "%2B").replace('&', "%26"));
    let (_, value) = url::form_urlencoded::parse(form.as_bytes()).next()?;
    (!value.contains('\u{fffd}')).then(|| value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "AC00000000000000000000000000000001";

    fn read(rest: &str) -> Result<TwilioConfig, TwilioError> {
        TwilioConfig::from_url(&format!("twilio://{SID}:{rest}"))
    }

    #[test]
    fn urls() {
        let config = read("t0k%2Fen@+15005550006").unwrap();
        assert_eq!(config.account, SID);
        assert!(matches!(config.auth, Auth::Token(_)));
        assert_eq!(config.base.host(), "api.twilio.com");
        assert_eq!(config.name, "twilio");
        assert!(config.look_up);
        let config = read(
            "s@ACME?key=SK1&name=twilio-ie&base_url=https://api.dublin.ie1.twilio.com&look_up=off\
             &status_callback=https://acme.test/r?k%3D1",
        )
        .unwrap();
        assert!(matches!(config.auth, Auth::Key { .. }));
        assert_eq!(config.base.host(), "api.dublin.ie1.twilio.com");
        assert_eq!(config.name, "twilio-ie");
        assert_eq!(
            config.status_callback.as_deref(),
            Some("https://acme.test/r?k=1")
        );
        assert!(!config.look_up);
        let service = format!("s@MG{}?client_id=OQ1", "0".repeat(32));
        assert!(matches!(read(&service).unwrap().auth, Auth::OAuth { .. }));
    }

    #[test]
    fn urls_that_are_refused_do_not_come_back_in_the_error() {
        for (url, reason) in [
            ("", "another scheme"),
            ("https://c4n4ry@x", "another scheme"),
            ("twilio://c4n4ry", "no credentials"),
            ("twilio://c4n4ry@+15005550006", "no token"),
            ("twilio://AC1:c4n4ry@+15005550006", "32 hex"),
        ] {
            refused(TwilioConfig::from_url(url), reason);
        }
        for (rest, reason) in [
            ("c4n4ry%ff@+15005550006", "percent-encoding"),
            ("c4n4ry@c4n4ry-c4n4ry-c4n4ry", "sender"),
            ("c4n4ry@ACME?c4n4ry=1", "not known"),
            ("c4n4ry@ACME?look_up=c4n4ry", "not known"),
            ("c4n4ry@ACME?segments_a_second=0", "rate"),
            ("c4n4ry@ACME?base_url=http://c4n4ry.test", "base URL"),
            (
                "c4n4ry@ACME?status_callback=https://c4n4ry_1.test/",
                "underscores",
            ),
            (
                "c4n4ry@ACME?status_callback=https://c4n4ry.test/%23a",
                "fragment",
            ),
            ("c4n4ry@ACME?status_callback=http://c4n4ry.test/", "https"),
        ] {
            refused(read(rest), reason);
        }
    }

    fn refused(config: Result<TwilioConfig, TwilioError>, reason: &str) {
        let error = config.unwrap_err();
        assert!(error.to_string().contains(reason), "{reason}: {error}");
        assert!(!format!("{error} {error:?}").contains("c4n4ry"), "{reason}");
    }

    #[test]
    fn debug_shows_no_secret() {
        for query in ["", "?key=SK1", "?client_id=OQ1"] {
            let config = read(&format!("c4n4ry@ACME{query}")).unwrap();
            assert!(!format!("{config:?}").contains("c4n4ry"));
        }
    }
}
