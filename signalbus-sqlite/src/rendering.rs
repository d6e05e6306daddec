//! Messages kept for the next try of a generation.

use std::collections::HashMap;

use signalbus_core::store::StoreError;
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    error,
};

/// Keeps messages, in place of earlier ones.
pub(crate) async fn keep(
    conn: &mut SqliteConnection,
    bodies: &[(i64, &[u8])],
) -> Result<(), StoreError> {
    let mut bytes = Bytes::default();
    let rows: Vec<_> = bodies
        .iter()
        .map(|(position, body)| {
            let (offset, length) = bytes.add(body);
            (position, offset, length)
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO signalbus_rendering (position, body)
         SELECT value ->> 0, substr(?2, value ->> 1, value ->> 2)
         FROM jsonb_each(?1) WHERE true
         ON CONFLICT (position) DO UPDATE SET body = excluded.body",
    )
    .bind(batch::rows(&rows)?)
    .bind(bytes.into_vec())
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// The messages that are kept for these deliveries.
pub(crate) async fn read(
    conn: &mut SqliteConnection,
    positions: &[i64],
) -> Result<HashMap<i64, Vec<u8>>, StoreError> {
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "SELECT position, body FROM signalbus_rendering
         WHERE position IN (SELECT value FROM json_each(?1))",
    )
    .bind(batch::rows(positions)?)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    Ok(rows.into_iter().collect())
}

/// Forgets the messages of these deliveries.
pub(crate) async fn forget(
    conn: &mut SqliteConnection,
    positions: &[i64],
) -> Result<(), StoreError> {
    if positions.is_empty() {
        return Ok(());
    }
    let positions = batch::rows(positions)?;
    sqlx::query(
        "DELETE FROM signalbus_rendering WHERE position IN (SELECT value FROM json_each(?1))",
    )
    .bind(&positions)
    .execute(&mut *conn)
    .await
    .map_err(error::of)?;
    sqlx::query(
        "UPDATE signalbus_delivery SET rendered = 0
         WHERE position IN (SELECT value FROM json_each(?1))",
    )
    .bind(positions)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}
