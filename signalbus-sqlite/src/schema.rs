//! The tables: made and brought up to date when a store is opened.

use std::path::Path;

use signalbus_core::store::{LaneId, LaneKey, StoreError};
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
    sqlx::query(
        "WITH RECURSIVE number (lane) AS (
             SELECT 0 UNION ALL SELECT lane + 1 FROM number WHERE lane + 1 < ?1)
         INSERT INTO signalbus_lane (lane, epoch, worker, until)
         SELECT lane, 0, NULL, 0 FROM number WHERE true
         ON CONFLICT (lane) DO UPDATE SET worker = NULL, until = 0",
    )
    .bind(lanes)
    .execute(&mut *conn)
    .await
    .map_err(error::of)?;
    sqlx::query("DELETE FROM signalbus_worker")
        .execute(conn)
        .await
        .map_err(error::of)?;
    u16::try_from(lanes).map_err(|_| error::corrupt("the number of lanes cannot be read"))
}

/// The lane of a key, as a column.
pub(crate) fn lane_of(key: LaneKey, lanes: u16) -> i64 {
    let LaneId(lane) = key.lane(lanes);
    i64::from(lane)
}
