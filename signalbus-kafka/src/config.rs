//! Where the brokers are and how they are used.

use std::{sync::Arc, time::Duration};

use signalbus_core::clock::{Clock, SystemClock};

#[cfg(feature = "tls-ring")]
use crate::tls::{TlsError, TlsOptions};
use crate::{address::Address, auth::Sasl};

/// Where the brokers are and how they are used. Made from addresses, or from a URL
/// ([`KafkaConfig::from_url`]). Secrets are shown nowhere.
#[derive(Debug, Clone)]
#[must_use]
pub struct KafkaConfig {
    pub(crate) name: String,
    pub(crate) brokers: Vec<Address>,
    pub(crate) client_id: String,
    #[cfg(feature = "tls-ring")]
    pub(crate) tls: Option<TlsOptions>,
    pub(crate) sasl: Option<Sasl>,
    pub(crate) deadline: Duration,
    pub(crate) producing: Producing,
    pub(crate) create: Option<NewTopics>,
    pub(crate) fetch_bytes: i32,
    pub(crate) mirror: Option<Duration>,
    pub(crate) clock: Arc<dyn Clock>,
}

/// How records are put together before they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Producing {
    pub(crate) compression: Compression,
    pub(crate) linger: Duration,
    pub(crate) batch_bytes: usize,
    pub(crate) waiting_bytes: usize,
    pub(crate) max_payload: usize,
}

/// How topics are made that do not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NewTopics {
    pub(crate) partitions: u16,
    pub(crate) replication: u8,
}

/// How records are compressed when they are published. What others compressed is read when its
/// feature is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// With gzip.
    #[cfg(feature = "gzip")]
    Gzip,
    /// With LZ4.
    #[cfg(feature = "lz4")]
    Lz4,
    /// With Snappy.
    #[cfg(feature = "snappy")]
    Snappy,
    /// With Zstandard.
    #[cfg(feature = "zstd")]
    Zstd,
}

/// Why a configuration cannot be used. Shows no secret.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The URL has another form.
    #[error(
        "the URL of a Kafka bus is like kafka://user:password@host:9092,host2:9092?sasl=scram-sha-512, but {problem}"
    )]
    Url {
        /// What is wrong with it.
        problem: &'static str,
    },
    /// There is no broker, or its address is not `host:port`.
    #[error("a broker is named by host:port, as in kafka.internal:9092")]
    Broker,
    /// A setting is out of its range.
    #[error("`{field}` is out of its range: {range}")]
    Range {
        /// Which setting.
        field: &'static str,
        /// What it can be.
        range: &'static str,
    },
    /// TLS cannot be set up.
    #[cfg(feature = "tls-ring")]
    #[error("TLS cannot be set up")]
    Tls(#[from] TlsError),
}

impl KafkaConfig {
    /// Brokers to ask first, as `host:port` with commas between; they tell of the others. The port
    /// is 9092 when it is left out.
    ///
    /// # Errors
    /// When an address has another form.
    pub fn new(brokers: &str) -> Result<Self, ConfigError> {
        let brokers = brokers
            .split(',')
            .map(|broker| Address::parse(broker.trim()).ok_or(ConfigError::Broker))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            name: "kafka".to_owned(),
            brokers,
            client_id: "signalbus".to_owned(),
            #[cfg(feature = "tls-ring")]
            tls: None,
            sasl: None,
            deadline: Duration::from_secs(10),
            producing: Producing {
                compression: Compression::None,
                linger: Duration::ZERO,
                batch_bytes: 500_000,
                waiting_bytes: 32 << 20,
                max_payload: 1_000_000,
            },
            create: None,
            fetch_bytes: 1 << 20,
            mirror: Some(Duration::from_secs(5)),
            clock: Arc::new(SystemClock::new()),
        })
    }

    /// Sets the name that positions are stored under, `kafka` unless set: needed when there are two
    /// clusters. Never change it: what was read would be read again.
    pub fn with_name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets how we call ourselves towards the brokers, in their logs and quotas; `signalbus` unless
    /// set.
    pub fn with_client_id(mut self, id: impl Into<String>) -> Self {
        self.client_id = id.into();
        self
    }

    /// Talks TLS.
    #[cfg(feature = "tls-ring")]
    pub fn with_tls(mut self, tls: TlsOptions) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Sets how the account signs in.
    pub fn with_sasl(mut self, sasl: Sasl) -> Self {
        self.sasl = Some(sasl);
        self
    }

    /// Sets how long one call to the brokers may take, connecting and signing in included; ten
    /// seconds unless set. After it the connection is given up, and the next call makes a new one.
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets how records are compressed; not at all unless set.
    pub fn with_compression(mut self, compression: Compression) -> Self {
        self.producing.compression = compression;
        self
    }

    /// Sets how long the first record of a batch waits for others; not at all unless set. What is
    /// published while a batch is on its way to the same partition goes together in any case.
    pub fn with_linger(mut self, linger: Duration) -> Self {
        self.producing.linger = linger;
        self
    }

    /// Sets how many bytes a batch has at most, unless a single record has more; 500,000 unless
    /// set. Stay below `message.max.bytes` of the brokers (1,048,588 unless set there).
    pub fn with_batch_bytes(mut self, bytes: usize) -> Self {
        self.producing.batch_bytes = bytes;
        self
    }

    /// Sets how many bytes may wait to be published; 32 MiB unless set. Who publishes more waits,
    /// for no longer than the deadline.
    pub fn with_waiting_bytes(mut self, bytes: usize) -> Self {
        self.producing.waiting_bytes = bytes;
        self
    }

    /// Sets how many bytes a payload may have; 1,000,000 unless set, a little less than
    /// `message.max.bytes` of the brokers.
    pub fn with_max_payload(mut self, bytes: usize) -> Self {
        self.producing.max_payload = bytes;
        self
    }

    /// Makes topics that do not exist when they are first published to or subscribed to, with so
    /// many partitions and copies of each. Unless set, a topic that does not exist is an error: a
    /// name with a typing error should not become a topic.
    pub fn with_new_topics(mut self, partitions: u16, replication: u8) -> Self {
        self.create = Some(NewTopics {
            partitions,
            replication,
        });
        self
    }

    /// Sets how many bytes are fetched of a partition at a time; 1 MiB unless set. A subscription
    /// holds at most three times as many of each partition.
    pub fn with_fetch_bytes(mut self, bytes: i32) -> Self {
        self.fetch_bytes = bytes;
        self
    }

    /// Sets how often positions are told to Kafka, for those who look at the group there; five
    /// seconds unless set, and never with none. The store is what counts: they are not read back.
    pub fn with_mirror(mut self, every: Option<Duration>) -> Self {
        self.mirror = every;
        self
    }

    /// Sets the clock that the times of records come from.
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let range = |field, range| Err(ConfigError::Range { field, range });
        let producing = &self.producing;
        if self.name.is_empty() {
            return range("name", "at least one letter");
        }
        if self.deadline.is_zero() {
            return range("deadline", "more than nothing");
        }
        if producing.batch_bytes == 0 || producing.max_payload == 0 {
            return range("batch_bytes and max_payload", "at least 1");
        }
        if !(1..=1 << 30).contains(&producing.waiting_bytes) {
            return range("waiting_bytes", "1 to 1 GiB");
        }
        if !(1024..=64 << 20).contains(&self.fetch_bytes) {
            return range("fetch_bytes", "1 KiB to 64 MiB");
        }
        if self.mirror.is_some_and(|every| every.is_zero()) {
            return range("mirror", "more than nothing");
        }
        if self
            .create
            .is_some_and(|new| new.partitions == 0 || new.replication == 0)
        {
            return range("new_topics", "at least one partition and one copy");
        }
        Ok(())
    }
}
