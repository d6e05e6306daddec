//! The store of a hunt: a SQLite file, or a schema of a Postgres server that lives on while its
//! clients are killed.

use std::{error::Error, fmt, path::Path, time::Duration};

use async_trait::async_trait;
use signalbus::{Store, postgres::PostgresStore, sqlite::SqliteStore};
use signalbus_testkit::{Layered, StoreLayer};
use sqlx::{Connection, PgConnection};

use crate::disk;

/// Which store is used in a folder, as every process reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Sqlite,
    /// The URL of the database, with its schema.
    Postgres(String),
}

const FILE: &str = "store";

impl Place {
    /// Writes down which store is used.
    pub(crate) fn choose(&self, directory: &Path) -> std::io::Result<()> {
        match self {
            Self::Sqlite => Ok(()),
            Self::Postgres(url) => std::fs::write(directory.join(FILE), url),
        }
    }

    pub(crate) fn of(directory: &Path) -> Self {
        std::fs::read_to_string(directory.join(FILE)).map_or(Self::Sqlite, Self::Postgres)
    }

    /// The longest life of a host. Where the next one has to wait for the end of a lease, a short
    /// life would be over before it sent anything.
    pub(crate) fn longest_life(&self) -> Duration {
        match self {
            Self::Sqlite => Duration::from_millis(700),
            Self::Postgres(_) => Duration::from_millis(2_500),
        }
    }

    /// How long at most it takes from a kill to the next request, where that is promised.
    pub(crate) fn recovers_within(&self, lease: Duration) -> Option<Duration> {
        match self {
            Self::Sqlite => None,
            Self::Postgres(_) => Some(lease + Duration::from_secs(1)),
        }
    }

    /// Opens the store for one process.
    pub(crate) async fn open(
        &self,
        directory: &Path,
        name: &str,
    ) -> Result<Layered<Opened>, Box<dyn Error>> {
        Ok(Layered(match self {
            Self::Sqlite => {
                let disk = disk::of(directory);
                let folder = if disk.exists() { &disk } else { directory };
                Opened::Sqlite(SqliteStore::open(folder.join("notifications.db")).await?)
            }
            Self::Postgres(url) => {
                let url = format!("{url}&application_name={name}");
                Opened::Postgres(PostgresStore::open(&url).await?)
            }
        }))
    }

    /// Waits until the server has noticed that a process is gone: a statement that was running is
    /// finished first.
    pub(crate) async fn gone(&self, name: &str) -> Result<(), Box<dyn Error>> {
        let Self::Postgres(url) = self else {
            return Ok(());
        };
        let url = url.split('?').next().unwrap_or(url);
        let mut connection = PgConnection::connect(url).await?;
        loop {
            let sessions: i64 = sqlx::query_scalar(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1",
            )
            .bind(name)
            .fetch_one(&mut connection)
            .await?;
            if sessions == 0 {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// An open store.
#[derive(Clone)]
pub(crate) enum Opened {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Opened {
    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner().fmt(f)
    }
}

#[async_trait]
impl StoreLayer for Opened {
    fn inner(&self) -> &dyn Store {
        match self {
            Self::Sqlite(store) => store,
            Self::Postgres(store) => store,
        }
    }
}
