//! What is needed to send an event and for nothing else: kept until its last delivery has ended.

use signalbus_core::store::StoreError;
use sqlx::SqliteConnection;

use crate::{batch, error, states::state};

/// The same for the events of these deliveries.
pub(crate) async fn forget_of(
    conn: &mut SqliteConnection,
    positions: &[i64],
) -> Result<(), StoreError> {
    let events: Vec<i64> = sqlx::query_scalar(
        "SELECT event FROM signalbus_delivery
         WHERE position IN (SELECT value FROM json_each(?1))
           AND event IN (SELECT event FROM signalbus_secret)",
    )
    .bind(batch::rows(positions)?)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    forget(conn, &events).await.map(drop)
}

/// Forgets the secrets of those of these events of which nothing is open any more; says how many.
pub(crate) async fn forget(conn: &mut SqliteConnection, events: &[i64]) -> Result<u64, StoreError> {
    if events.is_empty() {
        return Ok(0);
    }
    let gone = sqlx::query(concat!(
        "DELETE FROM signalbus_secret AS s
         WHERE s.event IN (SELECT value FROM json_each(?1)) AND NOT EXISTS (
             SELECT 1 FROM signalbus_event AS e
             CROSS JOIN signalbus_delivery AS d
               ON d.position >= e.first_position AND d.position < e.first_position + e.deliveries
             WHERE e.event = s.event AND d.state < ",
        state!(first_end),
        ")"
    ))
    .bind(batch::rows(events)?)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(gone.rows_affected())
}
