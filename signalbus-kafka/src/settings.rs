use std::{sync::Arc, time::Duration};

use kafka_protocol::protocol::StrBytes;
use secrecy::{ExposeSecret, SecretString};

use crate::{
    ConfigError, KafkaConfig,
    address::Address,
    auth::{Sasl, TokenError},
};

/// What every connection has in common.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) brokers: Vec<Address>,
    pub(crate) client_id: StrBytes,
    pub(crate) deadline: Duration,
    pub(crate) tls: Tls,
    pub(crate) sasl: Option<Sasl>,
}

/// How a connection is secured, if it is.
#[cfg(feature = "tls-ring")]
pub(crate) type Tls = Option<Arc<rustls::ClientConfig>>;
/// How a connection is secured: not at all.
#[cfg(not(feature = "tls-ring"))]
pub(crate) type Tls = ();

impl Settings {
    pub(crate) fn new(config: &KafkaConfig) -> Result<Arc<Self>, ConfigError> {
        config.check()?;
        Ok(Arc::new(Self {
            brokers: config.brokers.clone(),
            client_id: StrBytes::from_string(config.client_id.clone()),
            deadline: config.deadline,
            #[cfg(feature = "tls-ring")]
            tls: config
                .tls
                .as_ref()
                .map(crate::TlsOptions::config)
                .transpose()?,
            #[cfg(not(feature = "tls-ring"))]
            tls: (),
            sasl: config.sasl.clone(),
        }))
    }
}

impl Sasl {
    pub(crate) fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain(_) => "PLAIN",
            Self::ScramSha256(_) => "SCRAM-SHA-256",
            Self::ScramSha512(_) => "SCRAM-SHA-512",
            Self::OAuthBearer(_) => "OAUTHBEARER",
        }
    }

    /// What is known of the account once a token was fetched where one is needed.
    pub(crate) async fn secret(&self) -> Result<Secret, TokenError> {
        Ok(match self {
            Self::Plain(known) | Self::ScramSha256(known) | Self::ScramSha512(known) => {
                Secret::Password(known.user.clone(), known.password.clone())
            }
            Self::OAuthBearer(source) => Secret::Token(source.token().await?),
        })
    }

    /// The same for the client that publishes.
    pub(crate) fn for_client(&self) -> rskafka::client::SaslConfig {
        use rskafka::client::{Credentials, OauthBearerCredentials, SaslConfig};
        let known = |known: &crate::Credentials| {
            let password = known.password.expose_secret().to_owned();
            Credentials::new(known.user.clone(), password)
        };
        match self {
            Self::Plain(account) => SaslConfig::Plain(known(account)),
            Self::ScramSha256(account) => SaslConfig::ScramSha256(known(account)),
            Self::ScramSha512(account) => SaslConfig::ScramSha512(known(account)),
            Self::OAuthBearer(source) => {
                let source = Arc::clone(source);
                SaslConfig::Oauthbearer(OauthBearerCredentials {
                    callback: Arc::new(move || {
                        let source = Arc::clone(&source);
                        Box::pin(async move {
                            let token = source.token().await?;
                            Ok(token.expose_secret().to_owned())
                        })
                    }),
                    authz_id: None,
                    bearer_kvs: Vec::new(),
                })
            }
        }
    }
}

/// What signs an account in.
pub(crate) enum Secret {
    Password(String, SecretString),
    Token(SecretString),
}
