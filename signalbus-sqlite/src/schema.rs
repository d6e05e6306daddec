//! The tables: made and brought up to date when a store is opened.

use std::path::Path;

use signalbus_core::store::StoreError;
use sqlx::{SqliteConnection, SqlitePool};

use crate::error;

/// Our own name, so that the host's migrations may live in the same file.
const MIGRATIONS_TABLE: &str = "signalbus_migrations";

/// Makes the tables that are missing.
pub(crate) async fn migrate(pool: &SqlitePool) -> Result<(), StoreError> {
    let mut migrator = sqlx::migrate!();
    migrator.dangerous_set_table_name(MIGRATIONS_TABLE);
    migrator.run(pool).await.map_err(error::of_migration)
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
