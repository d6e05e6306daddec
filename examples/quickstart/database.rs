//! The database of the application and of Signalbus: an SQLite file, or with the feature
//! `postgres` a Postgres database. Only this file and the journal know which.

use std::error::Error;

use signalbus::{Builder, Event, PublishError, Published, Signalbus, sqlite::SqliteStore};
use sqlx::Sqlite;

#[cfg(feature = "postgres")]
use signalbus::postgres::PostgresStore;
#[cfg(feature = "postgres")]
use sqlx::{PgPool, Postgres};

use crate::setup::Place;

/// The store, and connections for tables of the application.
#[derive(Debug, Clone)]
pub(crate) enum Database {
    Sqlite(SqliteStore),
    #[cfg(feature = "postgres")]
    Postgres(PostgresStore, PgPool),
}

/// A transaction of the application.
pub(crate) enum Transaction {
    Sqlite(sqlx::Transaction<'static, Sqlite>),
    #[cfg(feature = "postgres")]
    Postgres(sqlx::Transaction<'static, Postgres>),
}

impl Database {
    /// The file of the quickstart, or the database of this URL.
    pub(crate) async fn open(
        place: &Place,
        url: Option<&str>,
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        match url {
            None => Ok(Self::Sqlite(SqliteStore::open(place.database()).await?)),
            #[cfg(feature = "postgres")]
            Some(url) => {
                let store = PostgresStore::open(url).await?;
                Ok(Self::Postgres(store, pool(url).await?))
            }
            #[cfg(not(feature = "postgres"))]
            Some(_) => Err("build the example with `--features postgres` for another store".into()),
        }
    }

    /// Gives the store to an engine.
    pub(crate) fn give_to(&self, builder: Builder) -> Builder {
        match self {
            Self::Sqlite(store) => builder.store(store.clone()),
            #[cfg(feature = "postgres")]
            Self::Postgres(store, _) => builder.store(store.clone()),
        }
    }

    pub(crate) async fn begin(&self) -> Result<Transaction, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(store) => {
                Transaction::Sqlite(store.pool().begin_with("BEGIN IMMEDIATE").await?)
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_, pool) => Transaction::Postgres(pool.begin().await?),
        })
    }

    /// Publishes in a transaction of the application.
    pub(crate) async fn publish_in(
        &self,
        signalbus: &Signalbus,
        transaction: &mut Transaction,
        event: Event,
    ) -> Result<Published, PublishError> {
        let (published, _) = match (self, transaction) {
            (Self::Sqlite(store), Transaction::Sqlite(open)) => {
                store.publish_in(signalbus, open, event).await?
            }
            #[cfg(feature = "postgres")]
            (Self::Postgres(store, _), Transaction::Postgres(open)) => {
                store.publish_in(signalbus, open, event).await?
            }
            #[cfg(feature = "postgres")]
            _ => unreachable!("a transaction is of the database that began it"),
        };
        Ok(published)
    }

    pub(crate) async fn close(&self) {
        match self {
            Self::Sqlite(store) => store.close().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(store, pool) => {
                store.close().await;
                pool.close().await;
            }
        }
    }
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), sqlx::Error> {
        match self {
            Self::Sqlite(open) => open.commit().await,
            #[cfg(feature = "postgres")]
            Self::Postgres(open) => open.commit().await,
        }
    }
}

/// Connections of the application, which keeps its table in the same schema.
#[cfg(feature = "postgres")]
async fn pool(url: &str) -> Result<PgPool, sqlx::Error> {
    let (base, options) = url.split_once('?').unwrap_or((url, ""));
    let schema = options.split('&').find_map(|o| o.strip_prefix("schema="));
    let connect: sqlx::postgres::PgConnectOptions = base.parse()?;
    let schema = schema.unwrap_or("signalbus");
    PgPool::connect_with(connect.options([("search_path", schema)])).await
}
