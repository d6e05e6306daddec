use std::{env, error::Error, process};

use signalbus_servers::{Durability, KAFKA, Kafka, Postgres};

/// The broker and the database, and what is used of them.
pub(crate) struct Backing {
    pub(crate) kafka_url: String,
    pub(crate) database_url: String,
    /// What every name of this run begins with.
    pub(crate) run: String,
    _kafka: Option<Kafka>,
    _postgres: Option<Postgres>,
}

impl Backing {
    /// Those of the environment, or private ones.
    pub(crate) fn start() -> Result<Self, Box<dyn Error>> {
        let (kafka, brokers) = match env::var(KAFKA) {
            Ok(brokers) => (None, brokers),
            Err(_) => {
                println!(
                    "Starting a Kafka broker; the first time its 54 MB are fetched with Maven."
                );
                let kafka = Kafka::start(1)?;
                let brokers = kafka.addresses();
                (Some(kafka), brokers)
            }
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
            kafka_url: format!("kafka://{brokers}?partitions=4&replication=1&mirror_ms=200"),
            database_url: format!("{database}{mark}schema={run}"),
            run,
            _kafka: kafka,
            _postgres: postgres,
        })
    }

    /// A topic of this run.
    pub(crate) fn topic(&self, name: &str) -> String {
        format!("{}.{name}", self.run)
    }
}
