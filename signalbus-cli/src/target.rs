//! Which store is meant.

use std::{fmt, path::PathBuf, sync::Arc};

use signalbus::{
    Store,
    directory::Directory,
    postgres::{PostgresStore, Restored},
    sqlite::SqliteStore,
    store::{StoreError, StoreErrorKind},
};

use crate::failure::Failure;

/// The store that is meant. Shows no password.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    Sqlite(PathBuf),
    Postgres(Url),
}

/// Never shown: it may have a password.
#[derive(Clone)]
pub(crate) struct Url(String);

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Url(…)")
    }
}

/// The version of the tables, whichever store they are in.
#[derive(Debug, Clone, Copy, serde::Serialize)]
pub(crate) struct Schema {
    /// What is there.
    pub(crate) found: Option<i64>,
    /// What this program makes.
    pub(crate) known: i64,
    /// Whether they fit.
    pub(crate) current: bool,
}

impl Target {
    /// Reads `sqlite:PATH`, `sqlite://PATH` or `postgres://…`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return Ok(Self::Postgres(Url(text.to_owned())));
        }
        let path = text
            .strip_prefix("sqlite://")
            .or_else(|| text.strip_prefix("sqlite:"));
        match path {
            Some("") => Err("name the file, as in sqlite:notifications.db".to_owned()),
            Some(path) => Ok(Self::Sqlite(PathBuf::from(path))),
            None => Err("a store is sqlite:PATH or postgres://user@host/database".to_owned()),
        }
    }

    /// Opens it to look: nothing is made or changed, and a SQLite file may be in use.
    pub(crate) async fn look(&self) -> Result<Arc<dyn Store>, StoreError> {
        match self {
            Self::Sqlite(path) => {
                let store = SqliteStore::builder(path).read_only(true).open().await?;
                Ok(Arc::new(store))
            }
            Self::Postgres(_) => self.change().await,
        }
    }

    /// Opens it to change what is in it. The tables must be there.
    pub(crate) async fn change(&self) -> Result<Arc<dyn Store>, StoreError> {
        Ok(match self {
            Self::Sqlite(path) => Arc::new(SqliteStore::builder(path).migrate(false).open().await?),
            Self::Postgres(Url(url)) => {
                let builder = PostgresStore::from_url(url)?.migrate(false);
                Arc::new(builder.open().await?)
            }
        })
    }

    /// Opens the directory of keys and the like: to look, or to change what is in it.
    pub(crate) async fn directory(&self, change: bool) -> Result<Arc<dyn Directory>, StoreError> {
        Ok(match self {
            Self::Sqlite(path) if change => {
                Arc::new(SqliteStore::builder(path).migrate(false).open().await?)
            }
            Self::Sqlite(path) => {
                Arc::new(SqliteStore::builder(path).read_only(true).open().await?)
            }
            Self::Postgres(Url(url)) => {
                let builder = PostgresStore::from_url(url)?.migrate(false);
                Arc::new(builder.open().await?)
            }
        })
    }

    /// Makes what is missing.
    pub(crate) async fn migrate(&self) -> Result<(), StoreError> {
        match self {
            Self::Sqlite(path) => SqliteStore::builder(path).open().await?.close().await,
            Self::Postgres(Url(url)) => {
                let builder = PostgresStore::from_url(url)?.migrate(true);
                builder.open().await?.close().await;
            }
        }
        Ok(())
    }

    /// Treats it as a copy from the past.
    pub(crate) async fn restored(&self) -> Result<Restored, StoreError> {
        match self {
            Self::Sqlite(_) => Err(StoreError::new(
                StoreErrorKind::Unsupported,
                "a restored file of SQLite is not told apart yet: cancel or redrive what is open in it",
            )),
            Self::Postgres(Url(url)) => {
                let store = PostgresStore::from_url(url)?.migrate(false).open().await?;
                let restored = store.restored().await;
                store.close().await;
                restored
            }
        }
    }

    /// The version of its tables.
    pub(crate) async fn schema(&self) -> Result<Schema, StoreError> {
        match self {
            Self::Sqlite(path) => {
                let version = SqliteStore::builder(path).schema_version().await?;
                Ok(Schema {
                    found: version.found,
                    known: version.known,
                    current: version.is_current(),
                })
            }
            Self::Postgres(Url(url)) => {
                let version = PostgresStore::from_url(url)?.schema_version().await?;
                Ok(Schema {
                    found: version.found,
                    known: version.known,
                    current: version.is_current(),
                })
            }
        }
    }

    /// What keeps it, with its version: `Postgres 16.4`.
    pub(crate) async fn server(&self) -> Result<String, StoreError> {
        Ok(match self {
            Self::Sqlite(path) => {
                let version = SqliteStore::builder(path).sqlite_version().await?;
                format!("SQLite {version}, within this program")
            }
            Self::Postgres(Url(url)) => {
                let version = PostgresStore::from_url(url)?.server_version().await?;
                format!("Postgres {version}")
            }
        })
    }

    /// Whether it goes by a clock of its own.
    pub(crate) fn has_a_clock(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// What is named before something is changed: `sqlite notifications.db`, or host, database and
    /// schema of a Postgres, never a user or a password.
    pub(crate) fn named(&self) -> Result<String, Failure> {
        match self {
            Self::Sqlite(path) => Ok(format!("sqlite {}", path.display())),
            Self::Postgres(Url(url)) => {
                let builder = PostgresStore::from_url(url)?;
                Ok(format!("postgres {}", builder.place()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_by_scheme_and_without_a_password() {
        for (text, named) in [
            ("sqlite:n.db", "sqlite n.db"),
            ("sqlite:///var/n.db", "sqlite /var/n.db"),
            (
                "postgres://app:secret@db:5433/shop?schema=mail",
                "postgres db:5433/shop, schema mail",
            ),
        ] {
            let target = Target::parse(text).unwrap();
            assert_eq!(target.named().unwrap(), named);
            assert!(!format!("{target:?}").contains("secret"));
        }
        for text in ["", "n.db", "sqlite:", "mysql://db/app"] {
            assert!(Target::parse(text).is_err(), "{text:?}");
        }
    }
}
