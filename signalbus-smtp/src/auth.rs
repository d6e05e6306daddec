//! How an account signs in.

use std::{
    fmt,
    sync::{Arc, Mutex as SyncMutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use signalbus_core::clock::Clock;
use tokio::sync::Mutex;

/// How an account signs in. Secrets are shown nowhere.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// With a password: `PLAIN` (RFC 4616), or `LOGIN` where the server has nothing better.
    Password {
        /// The name of the account.
        user: String,
        /// Its password.
        password: SecretString,
    },
    /// With an OAuth 2.0 bearer token: `XOAUTH2`, which Google and Microsoft take. Exchange Online
    /// switches passwords off at the end of 2026.
    Token {
        /// The name of the account: the mailbox.
        user: String,
        /// Where tokens come from.
        source: Arc<dyn TokenSource>,
    },
}

impl Auth {
    /// With a password.
    #[must_use]
    pub fn password(user: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self::Password {
            user: user.into(),
            password: password.into(),
        }
    }

    /// With tokens from this source.
    #[must_use]
    pub fn token(user: impl Into<String>, source: impl TokenSource) -> Self {
        Self::Token {
            user: user.into(),
            source: Arc::new(source),
        }
    }
}

/// Gets access tokens, for instance from the token endpoint of the provider with a refresh token
/// (RFC 6749 section 6).
///
/// For the caller: one source for one account. It is asked for one token at a time, however many
/// connections wait for it, and again a minute before a token runs out or after one was refused.
///
/// For the implementer: make one request, without waiting and trying again; the engine does.
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync + 'static {
    /// Gets a new token. The future may be dropped; the next call starts over.
    ///
    /// # Errors
    /// Says whether another try may help.
    async fn fetch(&self) -> Result<Token, TokenError>;
}

/// An access token.
#[derive(Debug, Clone)]
pub struct Token {
    secret: SecretString,
    lifetime: Duration,
}

impl Token {
    /// A token that can be used for so long.
    #[must_use]
    pub fn new(secret: impl Into<SecretString>, lifetime: Duration) -> Self {
        Self {
            secret: secret.into(),
            lifetime,
        }
    }
}

/// Why there is no token. Shows nothing of what the source was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The source cannot be reached or is busy: tried again.
    #[error("the token source did not answer")]
    Unavailable,
    /// It refuses, for instance because the consent was withdrawn: the account is paused until
    /// somebody sees to it.
    #[error("the token source refused; renew the consent of the account")]
    Refused,
}

impl TokenError {
    pub(crate) const fn is_transient(self) -> bool {
        matches!(self, Self::Unavailable)
    }
}

/// [`Auth`] with what is known of its token.
#[derive(Debug, Clone)]
pub(crate) enum SignIn {
    None,
    Password {
        user: String,
        password: SecretString,
    },
    Token {
        user: String,
        tokens: Arc<Tokens>,
    },
}

impl SignIn {
    pub(crate) fn new(auth: &Auth, clock: &Arc<dyn Clock>) -> Self {
        match auth.clone() {
            Auth::None => Self::None,
            Auth::Password { user, password } => Self::Password { user, password },
            Auth::Token { user, source } => Self::Token {
                user,
                tokens: Arc::new(Tokens::new(source, Arc::clone(clock))),
            },
        }
    }
}

/// The token of an account, fetched once for all who wait.
#[derive(Debug)]
pub(crate) struct Tokens {
    source: Arc<dyn TokenSource>,
    clock: Arc<dyn Clock>,
    fetching: Mutex<()>,
    held: SyncMutex<Option<Held>>,
}

#[derive(Debug, Clone)]
struct Held {
    secret: SecretString,
    until: Duration,
}

/// How long before its end a token is no longer used: signing in takes a while, and clocks differ.
const MARGIN: Duration = Duration::from_secs(60);

impl Tokens {
    pub(crate) fn new(source: Arc<dyn TokenSource>, clock: Arc<dyn Clock>) -> Self {
        Self {
            source,
            clock,
            fetching: Mutex::new(()),
            held: SyncMutex::new(None),
        }
    }

    /// The token, fetched if need be. Whoever comes meanwhile waits for the same one. When the
    /// future is dropped, the next in line fetches.
    pub(crate) async fn token(&self) -> Result<SecretString, TokenError> {
        if let Some(secret) = self.held() {
            return Ok(secret);
        }
        let _one = self.fetching.lock().await;
        if let Some(secret) = self.held() {
            return Ok(secret);
        }
        let token = self.source.fetch().await?;
        let lifetime = token.lifetime.saturating_sub(MARGIN);
        *self.lock() = Some(Held {
            secret: token.secret.clone(),
            until: self.clock.monotonic().saturating_add(lifetime),
        });
        Ok(token.secret)
    }

    /// The server refused this token. A newer one stays.
    pub(crate) fn forget(&self, refused: &SecretString) {
        let mut held = self.lock();
        let same = |held: &Held| held.secret.expose_secret() == refused.expose_secret();
        if held.as_ref().is_some_and(same) {
            *held = None;
        }
    }

    fn held(&self) -> Option<SecretString> {
        let held = self.lock();
        let held = held.as_ref()?;
        (self.clock.monotonic() < held.until).then(|| held.secret.clone())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
