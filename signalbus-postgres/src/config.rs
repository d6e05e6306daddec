//! Where the database is and how it is used.

use std::{str::FromStr, sync::Arc, time::Duration};

use signalbus_core::{clock::Clock, store::StoreError};
use sqlx::postgres::PgConnectOptions;

use crate::{PostgresStore, SchemaVersion, error};

/// The schema of the tables, unless another is asked for.
pub(crate) const DEFAULT_SCHEMA: &str = "signalbus";

/// Where the database is and how it is used; [`PostgresStore::builder`] makes one.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is opened"]
pub struct PostgresBuilder {
    pub(crate) options: Options,
    pub(crate) schema: String,
    pub(crate) pgbouncer: bool,
    pub(crate) migrate: bool,
    pub(crate) lanes: Option<u16>,
    pub(crate) connections: u32,
    pub(crate) deadline: Duration,
    pub(crate) clock: Option<Arc<dyn Clock>>,
}

/// Never shown: they have a password.
#[derive(Clone)]
pub(crate) struct Options(pub(crate) PgConnectOptions);

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PgConnectOptions")
            .field("host", &self.0.get_host())
            .field("port", &self.0.get_port())
            .field("database", &self.0.get_database())
            .finish_non_exhaustive()
    }
}

impl PostgresBuilder {
    pub(crate) fn new(options: PgConnectOptions) -> Self {
        Self {
            options: Options(options),
            schema: DEFAULT_SCHEMA.to_owned(),
            pgbouncer: false,
            migrate: true,
            lanes: None,
            connections: 4,
            deadline: Duration::from_secs(5),
            clock: None,
        }
    }

    /// Reads `postgres://user:password@host:port/database` with the options of
    /// [`PgConnectOptions`] behind a `?` (`sslmode`, `host` for the folder of a Unix socket,
    /// and so on), and ours: `schema`, `pgbouncer` (`true` or `false`), `migrate` (the same),
    /// `lanes`, `connections` and `deadline_ms`.
    ///
    /// # Errors
    /// When the URL is not of this form, or an option of ours has a wrong value. The message never
    /// has the password.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        if !(url.starts_with("postgres://") || url.starts_with("postgresql://")) {
            return Err(error::invalid(
                "the URL of a Postgres store starts with postgres://, as in postgres://app@localhost/app",
            ));
        }
        let (base, behind) = url.split_once('?').unwrap_or((url, ""));
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for option in behind.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            if OURS.contains(&name) {
                ours.push((name, value));
            } else {
                theirs.push(option);
            }
        }
        let rest = format!("{base}?{}", theirs.join("&"));
        let options = PgConnectOptions::from_str(rest.trim_end_matches('?')).map_err(|_| {
            error::invalid("the URL of the database cannot be read: compare it with postgres://user:password@host:5432/database?sslmode=require")
        })?;
        ours.into_iter()
            .try_fold(Self::new(options), |builder, (name, value)| {
                builder.with_option(name, value)
            })
    }

    fn with_option(self, name: &str, value: &str) -> Result<Self, StoreError> {
        match name {
            "schema" => Ok(self.schema(value)),
            "pgbouncer" => Ok(self.pgbouncer(parsed(name, value)?)),
            "migrate" => Ok(self.migrate(parsed(name, value)?)),
            "lanes" => Ok(self.lanes(parsed(name, value)?)),
            "connections" => Ok(self.connections(parsed(name, value)?)),
            _ => Ok(self.deadline(Duration::from_millis(parsed(name, value)?))),
        }
    }

    /// The schema of the tables: `signalbus` unless set. Two installations in one database have
    /// two schemas.
    pub fn schema(mut self, schema: impl Into<String>) -> Self {
        self.schema = schema.into();
        self
    }

    /// Whether the connection goes through a transaction pooler such as PgBouncer; false unless
    /// set. Then no session keeps a prepared statement, which costs about a third of the speed;
    /// and wake-ups need a direct connection ([`PostgresStore::listen`]).
    pub fn pgbouncer(mut self, pgbouncer: bool) -> Self {
        self.pgbouncer = pgbouncer;
        self
    }

    /// Whether opening makes tables that are missing; true unless set. When false, run
    /// [`MIGRATIONS`](crate::MIGRATIONS) yourself: a schema that is too old is an error.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// How many lanes a new installation gets; 64 unless set. It keeps the number it was made
    /// with. It bounds how many workers can send at the same time.
    pub fn lanes(mut self, lanes: u16) -> Self {
        self.lanes = Some(lanes);
        self
    }

    /// How many connections what the application asks may use at most; four unless set. Beside
    /// them a worker uses up to five, for four writes and a read at once
    /// (`EngineOptions::writers`), and its leases one of their own.
    pub fn connections(mut self, connections: u32) -> Self {
        self.connections = connections;
        self
    }

    /// How long a call may take; five seconds unless set, and at most half a lease. After it the
    /// connection is closed and the call answers
    /// [`Unavailable`](signalbus_core::store::StoreErrorKind::Unavailable), or
    /// [`Ambiguous`](signalbus_core::store::StoreErrorKind::Ambiguous) where it may have been written.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Goes by this clock in place of the database's. For tests only: workers whose clocks differ
    /// take lanes from each other.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Where the tables are, without user or password: `localhost:5432/app, schema signalbus`.
    #[must_use]
    pub fn place(&self) -> String {
        let options = &self.options.0;
        let (host, port) = (options.get_host(), options.get_port());
        let database = options.get_database().unwrap_or("(the default)");
        format!("{host}:{port}/{database}, schema {}", self.schema)
    }

    /// The version of the tables that are there, and the one that this library makes. Changes
    /// nothing. Cancel safe.
    ///
    /// # Errors
    /// When the database cannot be reached or read, or is older than Postgres 14.
    pub async fn schema_version(&self) -> Result<SchemaVersion, StoreError> {
        self.check()?;
        PostgresStore::look(self).await
    }

    /// What the server calls its version, such as `16.4`: its setting `server_version`. Changes nothing. Cancel
    /// safe.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn server_version(&self) -> Result<String, StoreError> {
        self.check()?;
        PostgresStore::server(self).await
    }

    /// Connects, and makes the tables that are missing. Cancel safe.
    ///
    /// # Errors
    /// [`Invalid`](signalbus_core::store::StoreErrorKind::Invalid) when the configuration is wrong,
    /// [`Unsupported`](signalbus_core::store::StoreErrorKind::Unsupported) when the tables need a newer
    /// version of this library or Postgres is older than 14,
    /// [`Unavailable`](signalbus_core::store::StoreErrorKind::Unavailable) when the database cannot be
    /// reached.
    pub async fn open(self) -> Result<PostgresStore, StoreError> {
        self.check()?;
        PostgresStore::connect(self).await
    }

    fn check(&self) -> Result<(), StoreError> {
        let first = self.schema.chars().next();
        let letters =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_';
        if !first.is_some_and(|first| first.is_ascii_lowercase() || first == '_')
            || !self.schema.chars().all(letters)
            || self.schema.len() > 48
            || self.schema.starts_with("pg_")
        {
            return Err(error::invalid(
                "the name of a schema has up to 48 small letters, digits and _, and begins with a letter, but not with pg_",
            ));
        }
        if self.lanes == Some(0) {
            return Err(error::invalid("a store needs at least one lane"));
        }
        if self.connections == 0 {
            return Err(error::invalid("a store needs at least one connection"));
        }
        if self.deadline.is_zero() {
            return Err(error::invalid(
                "a call needs some time: set a longer deadline",
            ));
        }
        Ok(())
    }

    /// What every connection has in common.
    pub(crate) fn connect_options(&self) -> PgConnectOptions {
        use sqlx::ConnectOptions;
        let options = self.options.0.clone().disable_statement_logging();
        let options = match options.get_application_name() {
            None => options.application_name("signalbus"),
            Some(_) => options,
        };
        if self.pgbouncer {
            // PgBouncer passes neither on.
            return options.extra_float_digits(None).statement_cache_capacity(0);
        }
        options
    }

    /// The same for statements whose plan is known: each finds its rows by an index, however many
    /// there are and whatever the statistics say.
    pub(crate) fn planned_options(&self) -> PgConnectOptions {
        let options = self.connect_options();
        if self.pgbouncer {
            return options;
        }
        // A server does not notice that its client has gone: what ran on would hold its locks against
        // those who try again.
        let most = self.deadline.max(Duration::from_millis(1)).as_millis();
        options.options([
            ("jit", "off"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("statement_timeout", &most.to_string()),
        ])
    }
}

const OURS: [&str; 6] = [
    "schema",
    "pgbouncer",
    "migrate",
    "lanes",
    "connections",
    "deadline_ms",
];

fn parsed<T: FromStr>(name: &str, value: &str) -> Result<T, StoreError> {
    value.parse().map_err(|_| {
        error::invalid(format!(
            "the option {name} of the URL is a whole number within its range, or true or false"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_has_their_options_and_ours() {
        let builder = PostgresBuilder::from_url(
            "postgres://app:secret@db:5433/shop?sslmode=require&schema=mail&pgbouncer=true&lanes=8&deadline_ms=250",
        )
        .unwrap();
        assert_eq!(builder.schema, "mail");
        assert!(builder.pgbouncer);
        assert_eq!(builder.lanes, Some(8));
        assert_eq!(builder.deadline, Duration::from_millis(250));
        assert_eq!(builder.options.0.get_host(), "db");
        assert!(!format!("{builder:?}").contains("secret"));
    }

    #[tokio::test]
    async fn a_wrong_url_says_what_to_write() {
        for (url, hint) in [
            ("sqlite:///n.db", "postgres://"),
            ("postgres://db/app?lanes=many", "lanes"),
            ("postgres://app:secret@db:port/app", "cannot be read"),
        ] {
            let error = PostgresBuilder::from_url(url).unwrap_err();
            assert!(error.to_string().contains(hint), "{url}: {error}");
            assert!(!error.to_string().contains("secret"));
        }
        for schema in ["", "Mail", "a\"b", "pg_mail"] {
            let builder = PostgresBuilder::from_url("postgres://db/app").unwrap();
            let error = builder.schema(schema).open().await.unwrap_err();
            assert!(error.to_string().contains("schema"), "{schema}: {error}");
        }
    }
}
