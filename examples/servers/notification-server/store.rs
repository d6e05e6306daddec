//! The store and its directory: one file, or one database.

use std::{error::Error, path::Path, sync::Arc};

use signalbus::directory::Directory;
use signalbus::{Store, postgres::PostgresStore, sqlite::SqliteStore};

/// Where everything is kept.
#[derive(Debug, Clone)]
pub(crate) enum Stored {
    Sqlite(SqliteStore),
    Postgres(PostgresStore),
}

impl Stored {
    pub(crate) async fn open(folder: &Path, url: Option<&str>) -> Result<Self, Box<dyn Error>> {
        Ok(match url {
            None => Self::Sqlite(SqliteStore::open(folder.join("notifications.db")).await?),
            Some(url) => Self::Postgres(PostgresStore::open(url).await?),
        })
    }

    pub(crate) fn store(&self) -> Arc<dyn Store> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) fn directory(&self) -> Arc<dyn Directory> {
        match self {
            Self::Sqlite(store) => Arc::new(store.clone()),
            Self::Postgres(store) => Arc::new(store.clone()),
        }
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            Self::Postgres(store) => store.close().await,
        }
    }
}
