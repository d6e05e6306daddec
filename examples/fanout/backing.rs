use std::{env, error::Error, process};

use signalbus_servers::{Durability, KAFKA, Kafka, Postgres, REDIS_URL, Redis};

/// The bus and the database, and what is used of them.
pub(crate) struct Backing {
    /// The variable that names the bus to the servers, and where it is.
    pub(crate) bus: (&'static str, String),
    pub(crate) database_url: String,
    /// What every name of this run begins with.
    pub(crate) run: String,
    _bus: Running,
    _postgres: Option<Postgres>,
}

/// Which bus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// A log.
    Kafka,
    /// Streams.
    Redis,
}

/// A bus that was started here.
enum Running {
    Kafka(#[expect(dead_code, reason = "stopped when it is dropped")] Option<Kafka>),
    Redis(#[expect(dead_code, reason = "stopped when it is dropped")] Option<Redis>),
}

/// A variable of the programs, and its value.
type Setting = (&'static str, String);

fn start_kafka() -> Result<(Setting, Running), Box<dyn Error>> {
    let (kafka, brokers) = match env::var(KAFKA) {
        Ok(brokers) => (None, brokers),
        Err(_) => {
            println!("Starting a Kafka broker; the first time its 54 MB are fetched with Maven.");
            let kafka = Kafka::start(1)?;
            let brokers = kafka.addresses();
            (Some(kafka), brokers)
        }
    };
    let url = format!("kafka://{brokers}?partitions=4&replication=1&mirror_ms=200");
    Ok((("SIGNALBUS_KAFKA_URL", url), Running::Kafka(kafka)))
}

fn start_redis() -> Result<(Setting, Running), Box<dyn Error>> {
    let (redis, url) = match env::var(REDIS_URL) {
        Ok(url) => (None, url),
        Err(_) => {
            println!("Starting a Redis server.");
            let redis = Redis::start()?;
            let url = redis.url();
            (Some(redis), url)
        }
    };
    Ok((("SIGNALBUS_REDIS_URL", url), Running::Redis(redis)))
}

impl Backing {
    /// Those of the environment, or private ones.
    pub(crate) fn start(kind: Kind) -> Result<Self, Box<dyn Error>> {
        let (bus, running) = match kind {
            Kind::Kafka => start_kafka()?,
            Kind::Redis => start_redis()?,
        };
        let (postgres, database) = match env::var("DATABASE_URL") {
            Ok(url) => (None, url),
            Err(_) => {
                println!("Starting a Postgres database.");
                let postgres = Postgres::start(Durability::NoFsync, &[])?;
                let url = postgres.url();
                (Some(postgres), url)
            }
        };
        let since = std::time::UNIX_EPOCH.elapsed()?.as_millis();
        let run = format!("fanout_{since}_{}", process::id());
        let mark = if database.contains('?') { '&' } else { '?' };
        Ok(Self {
            bus,
            database_url: format!("{database}{mark}schema={run}"),
            run,
            _bus: running,
            _postgres: postgres,
        })
    }

    /// A topic of this run.
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.run)
    }
}
