//! How an account signs in (SASL).

use std::{fmt, sync::Arc};

use async_trait::async_trait;
use secrecy::SecretString;

/// How an account signs in. Secrets are shown nowhere.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Sasl {
    /// With a password that the broker sees (`PLAIN`, RFC 4616): only over TLS.
    Plain(Credentials),
    /// With a password that the broker proves to know (`SCRAM-SHA-256`, RFC 7677).
    ScramSha256(Credentials),
    /// The same with `SCRAM-SHA-512`.
    ScramSha512(Credentials),
    /// With an OAuth 2.0 bearer token (`OAUTHBEARER`, RFC 7628).
    OAuthBearer(Arc<dyn TokenSource>),
}

/// A user and its password.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub(crate) user: String,
    pub(crate) password: SecretString,
}

impl Credentials {
    /// A user and its password.
    #[must_use]
    pub fn new(user: impl Into<String>, password: impl Into<SecretString>) -> Self {
        Self {
            user: user.into(),
            password: password.into(),
        }
    }
}

/// Gets access tokens, for instance from the token endpoint of the identity provider (RFC 6749
/// section 4.4).
///
/// For the implementer: it is asked for each connection, so keep a token and renew it a while
/// before it runs out.
#[async_trait]
pub trait TokenSource: fmt::Debug + Send + Sync + 'static {
    /// Gets a token that is good for a while. The future may be dropped.
    ///
    /// # Errors
    /// When there is none; another try may succeed.
    async fn token(&self) -> Result<SecretString, TokenError>;
}

/// There is no token. Shows nothing of what the source was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token source has no token")]
pub struct TokenError;
