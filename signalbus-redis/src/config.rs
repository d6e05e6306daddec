use std::{fmt, time::Duration};

use redis::{ConnectionInfo, IntoConnectionInfo};

/// Where a server is and how it is used.
#[derive(Clone)]
pub struct RedisConfig {
    pub(crate) server: ConnectionInfo,
    pub(crate) name: String,
    pub(crate) prefix: String,
    pub(crate) deadline: Duration,
    pub(crate) abandoned_after: Duration,
    pub(crate) max_payload: usize,
}

/// Why a configuration cannot be used. Shows no password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL has another form.
    #[error("not a URL like redis://user:password@host:6379/0: {0}")]
    Url(String),
    /// TLS was asked for, and this build has none.
    #[error("rediss:// needs the feature `tls-ring` of signalbus-redis")]
    NoTls,
    /// TLS was asked for, and the process has not chosen who does the cryptography.
    #[error(
        "rediss:// needs a default provider of rustls: call \
         rustls::crypto::ring::default_provider().install_default() first thing in main"
    )]
    NoProvider,
}

impl RedisConfig {
    /// Reads where the server is from `redis://[user[:password]@]host[:port][/database]`, or
    /// `rediss://` for TLS.
    ///
    /// # Errors
    /// When it has another form, or asks for what this build cannot do.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        match url.split_once("://") {
            Some(("redis", _)) => {}
            Some(("rediss", _)) => check_tls()?,
            _ => return Err(ConfigError::Url("this one has another scheme".to_owned())),
        }
        let server = url.into_connection_info().map_err(|error| {
            // Its own text may quote the URL, and so the password.
            ConfigError::Url(format!("{:?}", error.kind()))
        })?;
        Ok(Self {
            server,
            name: "redis".to_owned(),
            prefix: "signalbus:".to_owned(),
            deadline: Duration::from_secs(5),
            abandoned_after: Duration::from_secs(60),
            max_payload: 16 * 1024 * 1024,
        })
    }

    /// Sets the name from which ids of foreign events are derived; `redis` unless set.
    #[must_use]
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets what the names of streams begin with; `signalbus:` unless set.
    #[must_use]
    pub fn with_prefix(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// Sets how long a call may take, connecting included; 5 s unless set.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets after how long an event is handed to another worker that one got and did not
    /// acknowledge: longer than it may take to store it. One minute unless set.
    #[must_use]
    pub fn with_abandoned_after(mut self, time: Duration) -> Self {
        self.abandoned_after = time;
        self
    }

    /// Sets how many bytes an event may have as JSON; 16 MiB unless set, and Redis takes no more
    /// than 512 MiB.
    #[must_use]
    pub fn with_max_payload(mut self, bytes: usize) -> Self {
        self.max_payload = bytes;
        self
    }
}

#[cfg(feature = "tls-ring")]
fn check_tls() -> Result<(), ConfigError> {
    // The client takes the default, and panics when there are two to choose from.
    rustls::crypto::CryptoProvider::get_default()
        .map(drop)
        .ok_or(ConfigError::NoProvider)
}

#[cfg(not(feature = "tls-ring"))]
fn check_tls() -> Result<(), ConfigError> {
    Err(ConfigError::NoTls)
}

impl fmt::Debug for RedisConfig {
    /// Shows neither address nor password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisConfig")
            .field("name", &self.name)
            .field("prefix", &self.prefix)
            .field("deadline", &self.deadline)
            .field("abandoned_after", &self.abandoned_after)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_and_who() {
        let config = RedisConfig::from_url("redis://ada:s3cr3t@cache.example:6390/2").unwrap();
        assert!(!format!("{config:?}").contains("s3cr3t"));
        assert!(!format!("{config:?}").contains("cache.example"));
    }

    #[test]
    fn another_form_is_refused_without_its_password() {
        for url in [
            "http://:s3cr3t@x",
            "redis://:s3cr3t@host:port/x",
            "s3cr3t",
            "",
        ] {
            let error = RedisConfig::from_url(url).unwrap_err().to_string();
            assert!(
                error.contains("redis://") && !error.contains("s3cr3t"),
                "{error}"
            );
        }
    }

    #[test]
    fn tls_is_refused_where_it_would_panic() {
        let error = RedisConfig::from_url("rediss://host").unwrap_err();
        assert!(matches!(
            error,
            ConfigError::NoTls | ConfigError::NoProvider
        ));
    }
}
