//! Connections: one that writes, a few that read, and some for the host.

use std::time::Duration;

use sqlx::{
    ConnectOptions, Connection, SqliteConnection, SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous},
};

use crate::config::{SqliteBuilder, Synchronous};

/// Pages of 4 KiB in the log before they move into the file. Each move waits for the disk twice,
/// and a page that was written often moves once: 32 MiB of log make moves rare.
const CHECKPOINT_PAGES: &str = "8192";
/// What the log is cut to after a burst, in bytes.
const LOG_LIMIT: &str = "67108864";
/// Pages kept in memory by the writer, in KiB (negative, as SQLite wants it).
const WRITER_CACHE: &str = "-65536";
const READER_CACHE: &str = "-16384";

/// The one connection that writes for the store; nobody waits for SQLite's own lock behind it.
pub(crate) fn writer(config: &SqliteBuilder) -> SqlitePool {
    pool(1).connect_lazy_with(
        options(config)
            .create_if_missing(true)
            .pragma("cache_size", WRITER_CACHE)
            .pragma("wal_autocheckpoint", CHECKPOINT_PAGES)
            .pragma("journal_size_limit", LOG_LIMIT),
    )
}

/// Connections that only read: in WAL mode they never wait for the writer.
pub(crate) fn readers(config: &SqliteBuilder) -> SqlitePool {
    pool(config.readers).connect_lazy_with(
        options(config)
            .pragma("cache_size", READER_CACHE)
            .pragma("query_only", "on"),
    )
}

/// A connection that does nothing but hold the log open, so that it stays the same file as long as the store
/// is open.
pub(crate) async fn keeper(config: &SqliteBuilder) -> Result<SqliteConnection, sqlx::Error> {
    let mut keeper = options(config).pragma("query_only", "on").connect().await?;
    // The log is opened by the first read.
    sqlx::query("SELECT 1 FROM sqlite_schema")
        .execute(&mut keeper)
        .await?;
    Ok(keeper)
}

/// Connections for tables of the host in the same file.
pub(crate) fn host(config: &SqliteBuilder) -> SqlitePool {
    pool(4).connect_lazy_with(options(config).pragma("wal_autocheckpoint", CHECKPOINT_PAGES))
}

fn options(config: &SqliteBuilder) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(&config.path)
        .create_if_missing(false)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(match config.synchronous {
            Synchronous::Full => SqliteSynchronous::Full,
            Synchronous::Normal => SqliteSynchronous::Normal,
        })
        .busy_timeout(config.busy_timeout)
        .foreign_keys(true)
        .pragma("temp_store", "memory")
        .row_buffer_size(1024)
        .thread_name(|id| format!("signalbus-sqlite-{id}"))
        .disable_statement_logging()
}

fn pool(size: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(size)
        .acquire_timeout(Duration::from_secs(30))
        .test_before_acquire(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .after_release(|conn, _| Box::pin(roll_back_what_is_left(conn)))
}

/// Whether a connection can be lent again.
///
/// Whoever gives one back with an open transaction that sqlx does not know of (begun in plain SQL,
/// or by a `begin()` dropped half-way, see <https://github.com/launchbadge/sqlx/pull/4394>) would
/// take the writes of the next borrower down with it. Without an open transaction SQLite answers
/// with an error, and nothing is wrong.
///
/// The other way round, SQLite ends a transaction by itself when the disk is full, cannot be read,
/// or memory runs out (<https://sqlite.org/lang_transaction.html>), and sqlx counts it as open for
/// good: every later `begin` on that connection fails, so it is closed.
async fn roll_back_what_is_left(conn: &mut SqliteConnection) -> Result<bool, sqlx::Error> {
    let usable = match sqlx::query("ROLLBACK").execute(&mut *conn).await {
        Ok(_) => true,
        Err(sqlx::Error::Database(error)) => error.message().contains("no transaction is active"),
        Err(_) => false,
    };
    Ok(usable && !conn.is_in_transaction())
}

#[cfg(test)]
mod tests {
    use sqlx::Row as _;

    use super::*;
    use crate::SqliteStore;

    async fn pragma(pool: &SqlitePool, name: &str) -> String {
        let mut conn = pool.acquire().await.unwrap();
        let row = sqlx::query(sqlx::AssertSqlSafe(format!("PRAGMA {name}")))
            .fetch_one(&mut *conn)
            .await
            .unwrap();
        // Whatever it is: SQLite gives numbers as text, too.
        row.get_unchecked(0)
    }

    #[tokio::test]
    async fn every_connection_is_opened_as_promised() {
        for (synchronous, as_number) in [
            (None, "2"),
            (Some(Synchronous::Full), "2"),
            (Some(Synchronous::Normal), "1"),
        ] {
            let place = tempfile::tempdir().unwrap();
            let mut config = SqliteStore::builder(place.path().join("n.db"));
            if let Some(synchronous) = synchronous {
                config = config.synchronous(synchronous);
            }
            for pool in [writer(&config), readers(&config), host(&config)] {
                assert_eq!(pragma(&pool, "synchronous").await, as_number);
                assert_eq!(pragma(&pool, "foreign_keys").await, "1");
                assert_eq!(pragma(&pool, "journal_mode").await, "wal");
                assert_eq!(pragma(&pool, "busy_timeout").await, "5000");
            }
        }
    }
}
