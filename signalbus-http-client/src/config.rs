use std::{fmt, sync::Arc, time::Duration};

use signalbus_core::clock::{Clock, SystemClock};

use crate::TlsConfig;

/// How an [`HttpClient`](crate::HttpClient) behaves. The defaults suit an API that is asked to send
/// one message.
#[derive(Clone)]
#[non_exhaustive]
pub struct HttpConfig {
    /// How long finding the host, connecting, TLS and waiting for a connection may take together:
    /// 10 s.
    pub connect_within: Duration,
    /// How long a request may take in all, to the last byte of the answer: 30 s.
    pub answer_within: Duration,
    /// The fewest bytes a second that a body may move in either direction, over each
    /// [`HttpConfig::window`]: 1,024. Waiting for an answer is not slow.
    pub slowest: u64,
    /// The time over which slowness is measured: 5 s.
    pub window: Duration,
    /// The most bytes of an answer that are read: 1 MiB.
    pub answer_limit: usize,
    /// How long a connection is kept that nobody uses: 20 s. Longer than the server keeps it is
    /// asking for requests whose outcome is unknown.
    pub idle: Duration,
    /// The most connections kept that nobody uses: 64.
    pub idle_connections: usize,
    /// A forward proxy, as `http://proxy.example:3128`, with user and password if need be. None by
    /// default: the environment is not asked.
    pub proxy: Option<secrecy::SecretString>,
    /// Whom to trust.
    pub tls: TlsConfig,
    /// What deadlines are measured on.
    pub clock: Arc<dyn Clock>,
}

/// Why a client cannot be made. Shows no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The crate was built without a TLS provider, and none was given.
    #[error(
        "there is no TLS provider: build signalbus-http-client with feature `tls-ring` or \
         `tls-aws-lc-rs`, or give one with TlsConfig::with_provider"
    )]
    NoTlsProvider,
    /// The TLS provider has none of the protocol versions that are needed.
    #[error("the TLS provider cannot do TLS 1.2 or 1.3")]
    Tls(#[source] rustls::Error),
    /// A certificate to trust cannot be read.
    #[error("a root certificate cannot be read; it must be one certificate in DER")]
    Root(#[source] rustls::Error),
    /// The URL of the proxy cannot be used.
    #[error("the proxy URL cannot be used; it is written as http://host:port")]
    Proxy,
    /// The HTTP client underneath could not be made.
    #[error("the HTTP client cannot be set up")]
    Client(#[source] reqwest::Error),
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            connect_within: Duration::from_secs(10),
            answer_within: Duration::from_secs(30),
            slowest: 1024,
            window: Duration::from_secs(5),
            answer_limit: 1024 * 1024,
            idle: Duration::from_secs(20),
            idle_connections: 64,
            proxy: None,
            tls: TlsConfig::default(),
            clock: Arc::new(SystemClock::new()),
        }
    }
}

impl HttpConfig {
    /// Sets how long it may take until there is a connection.
    #[must_use]
    pub fn connect_within(mut self, limit: Duration) -> Self {
        self.connect_within = limit;
        self
    }

    /// Sets how long a request may take in all.
    #[must_use]
    pub fn answer_within(mut self, limit: Duration) -> Self {
        self.answer_within = limit;
        self
    }

    /// Sets the fewest bytes a second that a body may move, over each window of this length.
    #[must_use]
    pub fn slowest(mut self, bytes_a_second: u64, window: Duration) -> Self {
        self.slowest = bytes_a_second;
        self.window = window;
        self
    }

    /// Sets the most bytes of an answer that are read.
    #[must_use]
    pub fn answer_limit(mut self, bytes: usize) -> Self {
        self.answer_limit = bytes;
        self
    }

    /// Sets how long and how many connections are kept that nobody uses.
    #[must_use]
    pub fn idle(mut self, kept: Duration, connections: usize) -> Self {
        self.idle = kept;
        self.idle_connections = connections;
        self
    }

    /// Sets a forward proxy.
    #[must_use]
    pub fn proxy(mut self, url: impl Into<secrecy::SecretString>) -> Self {
        self.proxy = Some(url.into());
        self
    }

    /// Sets whom to trust.
    #[must_use]
    pub fn tls(mut self, tls: TlsConfig) -> Self {
        self.tls = tls;
        self
    }

    /// Sets what deadlines are measured on.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

impl fmt::Debug for HttpConfig {
    /// Shows no proxy credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpConfig")
            .field("connect_within", &self.connect_within)
            .field("answer_within", &self.answer_within)
            .field("slowest", &self.slowest)
            .field("answer_limit", &self.answer_limit)
            .field("proxy", &self.proxy.is_some())
            .finish_non_exhaustive()
    }
}
