use std::{fmt, time::Duration};

use redis::{ConnectionInfo, IntoConnectionInfo};

use crate::server::Server;

/// Where a server is and how it is used.
#[derive(Clone)]
pub struct RedisConfig {
    pub(crate) server: Server,
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
    /// What was to be trusted is no certificate.
    #[error("not a certificate as PEM: begin it with -----BEGIN CERTIFICATE-----")]
    Authority,
}

impl RedisConfig {
    /// Reads where the server is from `redis://[user[:password]@]host[:port][/database]`, or
    /// `rediss://` for TLS.
    ///
    /// # Errors
    /// When it has another form, or asks for what this build cannot do.
    pub fn from_url(url: &str) -> Result<Self, ConfigError> {
        Ok(Self::of(Server::One(read(url)?)))
    }

    /// The server that sentinels call the master of this `name`, asked one after the other each time
    /// a connection is made. `sign_in` is a URL of the same form that tells how to sign in at that
    /// server, and whether by TLS; its host and port are not used.
    ///
    /// # Errors
    /// As [`RedisConfig::from_url`], and when no sentinel is named.
    pub fn from_sentinels(urls: &[&str], name: &str, sign_in: &str) -> Result<Self, ConfigError> {
        let sentinels = read_all(urls)?;
        let sign_in = read(sign_in)?;
        Ok(Self::of(Server::Sentinels(
            sentinels,
            name.to_owned(),
            sign_in,
        )))
    }

    /// A cluster that these nodes know; user and password are the same on each.
    ///
    /// # Errors
    /// As [`RedisConfig::from_url`], and when no node is named.
    pub fn from_cluster(urls: &[&str]) -> Result<Self, ConfigError> {
        Ok(Self::of(Server::Cluster(read_all(urls)?)))
    }

    fn of(server: Server) -> Self {
        Self {
            server,
            name: "redis".to_owned(),
            prefix: "signalbus:".to_owned(),
            deadline: Duration::from_secs(5),
            abandoned_after: Duration::from_secs(60),
            max_payload: 16 * 1024 * 1024,
        }
    }

    /// Trusts this authority, as PEM, and no other: for servers whose certificates are your own. Counts
    /// for every URL with `rediss://`; for a cluster too.
    ///
    /// # Errors
    /// When it is no certificate.
    #[cfg(feature = "tls-ring")]
    #[cfg_attr(docsrs, doc(cfg(feature = "tls-ring")))]
    pub fn with_authority(mut self, pem: impl Into<Vec<u8>>) -> Result<Self, ConfigError> {
        let pem = pem.into();
        let trusting = |server: &ConnectionInfo| crate::tls::trusting(server, &pem);
        self.server = match self.server {
            Server::One(server) => Server::One(trusting(&server)?),
            Server::Sentinels(sentinels, name, sign_in) => Server::Sentinels(
                sentinels.iter().map(trusting).collect::<Result<_, _>>()?,
                name,
                trusting(&sign_in)?,
            ),
            Server::Cluster(nodes) => {
                Server::Cluster(nodes.iter().map(trusting).collect::<Result<_, _>>()?)
            }
        };
        Ok(self)
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

fn read(url: &str) -> Result<ConnectionInfo, ConfigError> {
    match url.split_once("://") {
        Some(("redis", _)) => {}
        Some(("rediss", _)) => check_tls()?,
        _ => return Err(ConfigError::Url("this one has another scheme".to_owned())),
    }
    url.into_connection_info().map_err(|error| {
        // Its own text may quote the URL, and so the password.
        ConfigError::Url(format!("{:?}", error.kind()))
    })
}

fn read_all(urls: &[&str]) -> Result<Vec<ConnectionInfo>, ConfigError> {
    if urls.is_empty() {
        return Err(ConfigError::Url("none is given".to_owned()));
    }
    urls.iter().map(|url| read(url)).collect()
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
