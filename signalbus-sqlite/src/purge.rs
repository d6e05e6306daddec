//! Forgetting what ended long ago.

use signalbus_core::{
    clock::Timestamp,
    event::Class,
    store::{EndState, Retention, StoreError},
};
use sqlx::SqliteConnection;

use crate::{
    batch,
    codec::{Columns, class_code, micros},
    error,
    order::{self, OrderKey},
    receipts,
    states::end_code,
    takes,
};

/// State, class, and before which time it must have ended.
fn cutoffs(retention: &Retention, now: Timestamp) -> Vec<(i64, i64, i64)> {
    let of = |end: EndState| {
        let cutoff = move |class| micros(retention.before(end, class, now));
        Class::ALL.map(|class| (end_code(end), class_code(class), cutoff(class)))
    };
    EndState::ALL.into_iter().flat_map(of).collect()
}

/// Deletes whole events, oldest first, with all that belongs to them.
pub(crate) async fn purge(
    conn: &mut SqliteConnection,
    now: Timestamp,
    retention: &Retention,
) -> Result<u64, StoreError> {
    receipts::forget_parked(conn, now).await?;
    takes::purge(conn, now).await?;
    let rows = sqlx::query(
        "SELECT e.event, e.first_position, e.first_position + e.deliveries
         FROM signalbus_event AS e INDEXED BY signalbus_event_accepted
         WHERE e.accepted_at < ?1 AND NOT EXISTS (
             SELECT 1 FROM signalbus_delivery AS d
             WHERE d.position >= e.first_position AND d.position < e.first_position + e.deliveries
               AND d.ended_at < (SELECT value ->> 2 FROM jsonb_each(?3)
                                 WHERE value ->> 0 = d.state AND value ->> 1 = d.class)
                   IS NOT TRUE)
         ORDER BY e.accepted_at LIMIT ?2",
    )
    .bind(micros(retention.accepted_before(now)))
    .bind(i64::from(retention.most()))
    .bind(batch::rows(&cutoffs(retention, now))?)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    let (mut events, mut ranges) = (Vec::new(), Vec::new());
    for row in &rows {
        let mut columns = Columns::of(row);
        events.push(columns.take::<i64>()?);
        ranges.push((columns.take::<i64>()?, columns.take::<i64>()?));
    }
    if events.is_empty() {
        return Ok(0);
    }
    delete_deliveries(conn, now, &ranges).await?;
    let numbers = batch::rows(&events)?;
    sqlx::query("DELETE FROM signalbus_recipient WHERE event IN (SELECT value FROM json_each(?1))")
        .bind(numbers.as_str())
        .execute(&mut *conn)
        .await
        .map_err(error::of)?;
    let gone =
        sqlx::query("DELETE FROM signalbus_event WHERE event IN (SELECT value FROM json_each(?1))")
            .bind(numbers)
            .execute(conn)
            .await
            .map_err(error::of)?;
    Ok(gone.rows_affected())
}

async fn delete_deliveries(
    conn: &mut SqliteConnection,
    now: Timestamp,
    ranges: &[(i64, i64)],
) -> Result<(), StoreError> {
    let ranges = batch::rows(ranges)?;
    let rows = sqlx::query(
        "DELETE FROM signalbus_delivery WHERE position IN (
             SELECT d.position FROM jsonb_each(?1) AS j
             CROSS JOIN signalbus_delivery AS d
               ON d.position >= j.value ->> 0 AND d.position < j.value ->> 1)
         RETURNING position, holds, order_key, tenant",
    )
    .bind(ranges)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    let (mut positions, mut keys) = (Vec::new(), Vec::new());
    for row in &rows {
        let mut columns = Columns::of(row);
        positions.push(columns.take::<i64>()?);
        if columns.take()? {
            keys.push(OrderKey(columns.take()?, columns.take()?));
        }
    }
    let positions = batch::rows(&positions)?;
    for sql in [
        "DELETE FROM signalbus_history WHERE position IN (SELECT value FROM jsonb_each(?1))",
        "DELETE FROM signalbus_rendering WHERE position IN (SELECT value FROM jsonb_each(?1))",
        "DELETE FROM signalbus_receipt WHERE position IN (SELECT value FROM jsonb_each(?1))",
    ] {
        sqlx::query(sql)
            .bind(positions.as_str())
            .execute(&mut *conn)
            .await
            .map_err(error::of)?;
    }
    order::let_go(conn, micros(now), &keys).await
}
