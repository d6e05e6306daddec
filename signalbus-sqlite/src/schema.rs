//! The tables: made and brought up to date when a store is opened.

use std::path::Path;

use signalbus_core::store::StoreError;
use sqlx::{SqliteConnection, SqlitePool, migrate::Migrator};

use crate::{config::SqliteBuilder, connection, error};

/// Our own name, so that the host's migrations may live in the same file.
const MIGRATIONS_TABLE: &str = "signalbus_migrations";

/// The version of the tables in a file, and the one that this library makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SchemaVersion {
    /// What is there; none when there are no tables of ours, or no file.
    pub found: Option<i64>,
    /// What this library makes, and needs.
    pub known: i64,
}

impl SchemaVersion {
    /// Whether the tables are the ones that this library makes.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.found == Some(self.known)
    }
}

/// Makes the tables that are missing.
pub(crate) async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    migrator().run(pool).await.map_err(error::of_migration)
}

/// Says why not, when the tables are not the current ones.
pub(crate) async fn check(pool: &SqlitePool) -> Result<(), StoreError> {
    let version = find(pool).await?;
    match version.found {
        _ if version.is_current() => Ok(()),
        Some(newer) if newer > version.known => Err(error::corrupt(
            "the file was written by a newer version of signalbus-sqlite: update the program",
        )),
        _ => Err(error::unsupported(
            "the tables are missing or older than this version of signalbus-sqlite: migrate the file first",
        )),
    }
}

/// Looks at a file that may not be there.
pub(crate) async fn version(config: &SqliteBuilder) -> Result<SchemaVersion, StoreError> {
    if !config.path.exists() {
        return Ok(SchemaVersion {
            found: None,
            known: known(),
        });
    }
    let pool = connection::readers(config);
    let version = find(&pool).await;
    pool.close().await;
    version
}

/// The version of SQLite within this program.
pub(crate) async fn sqlite() -> Result<String, StoreError> {
    use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};
    let options = SqliteConnectOptions::new().in_memory(true);
    let mut memory = options.connect().await.map_err(error::of)?;
    let version = sqlx::query_scalar("SELECT sqlite_version()")
        .fetch_one(&mut memory)
        .await;
    memory.close().await.map_err(error::of)?;
    version.map_err(error::of)
}

async fn find(pool: &SqlitePool) -> Result<SchemaVersion, StoreError> {
    let there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'signalbus_migrations')",
    )
    .fetch_one(pool)
    .await
    .map_err(error::of)?;
    let found = if there {
        sqlx::query_scalar("SELECT max(version) FROM signalbus_migrations WHERE success")
            .fetch_one(pool)
            .await
            .map_err(error::of)?
    } else {
        None
    };
    Ok(SchemaVersion {
        found,
        known: known(),
    })
}

fn migrator() -> Migrator {
    let mut migrator = sqlx::migrate!();
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator
}

fn known() -> i64 {
    let versions = migrator().iter().map(|migration| migration.version).max();
    versions.unwrap_or_default()
}

/// The number of lanes that a file was made with.
pub(crate) async fn lanes(pool: &SqlitePool) -> Result<u16, StoreError> {
    let lanes: i64 = sqlx::query_scalar("SELECT value FROM signalbus_meta WHERE name = 'lanes'")
        .fetch_one(pool)
        .await
        .map_err(error::of)?;
    u16::try_from(lanes).map_err(|_| error::corrupt("the number of lanes cannot be read"))
}

/// Settles the number of lanes and frees them all: whoever held them is dead, since we hold the
/// lock. Their epochs stay, so that the next owner raises them.
pub(crate) async fn prepare_lanes(
    conn: &mut SqliteConnection,
    path: &Path,
    wanted: Option<u16>,
) -> Result<u16, StoreError> {
    let wanted_or_default = i64::from(wanted.unwrap_or(1));
    let lanes: i64 = sqlx::query_scalar(
        "INSERT INTO signalbus_meta (name, value) VALUES ('lanes', ?1)
         ON CONFLICT (name) DO UPDATE SET value = value RETURNING value",
    )
    .bind(wanted_or_default)
    .fetch_one(&mut *conn)
    .await
    .map_err(error::of)?;
    if wanted.is_some() && lanes != wanted_or_default {
        return Err(error::invalid(format!(
            "{} was made with {lanes} lanes and keeps them: leave the number of lanes out, or open a new file",
            path.display()
        )));
    }
    sqlx::query("UPDATE signalbus_lane SET worker = NULL, until = 0")
        .execute(&mut *conn)
        .await
        .map_err(error::of)?;
    sqlx::query("DELETE FROM signalbus_worker")
        .execute(conn)
        .await
        .map_err(error::of)?;
    u16::try_from(lanes).map_err(|_| error::corrupt("the number of lanes cannot be read"))
}
