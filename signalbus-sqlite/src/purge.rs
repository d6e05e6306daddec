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

/// What may be deleted, oldest first. Looks at all that is old, open or not, so it is not for a transaction
/// that others wait for.
pub(crate) async fn candidates(
    conn: &mut SqliteConnection,
    now: Timestamp,
    retention: &Retention,
) -> Result<Vec<i64>, StoreError> {
    let found = ended(conn, now, retention, None).await?;
    Ok(found.into_iter().map(|(event, _)| event).collect())
}

/// Deletes those of these events that still may be, with all that belongs to them.
pub(crate) async fn purge(
    conn: &mut SqliteConnection,
    now: Timestamp,
    retention: &Retention,
    candidates: &[i64],
) -> Result<u64, StoreError> {
    receipts::forget_parked(conn, now).await?;
    takes::purge(conn, now).await?;
    let (events, ranges): (Vec<i64>, Vec<(i64, i64)>) =
        ended(conn, now, retention, Some(candidates))
            .await?
            .into_iter()
            .unzip();
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

/// Events of which everything ended long enough ago, with the range of their deliveries: of all, or of those.
async fn ended(
    conn: &mut SqliteConnection,
    now: Timestamp,
    retention: &Retention,
    among: Option<&[i64]>,
) -> Result<Vec<(i64, (i64, i64))>, StoreError> {
    let among = among.map(batch::rows).transpose()?;
    let sql = match &among {
        None => ENDED,
        Some(_) => ENDED_AMONG,
    };
    let rows = sqlx::query(sql)
        .bind(micros(retention.accepted_before(now)))
        .bind(i64::from(retention.most()))
        .bind(batch::rows(&cutoffs(retention, now))?)
        .bind(among)
        .fetch_all(conn)
        .await
        .map_err(error::of)?;
    let mut found = Vec::with_capacity(rows.len());
    for row in &rows {
        let mut columns = Columns::of(row);
        found.push((
            columns.take::<i64>()?,
            (columns.take::<i64>()?, columns.take::<i64>()?),
        ));
    }
    Ok(found)
}

macro_rules! ended {
    ($from:literal) => {
        concat!(
            "SELECT e.event, e.first_position, e.first_position + e.deliveries FROM ",
            $from,
            " WHERE e.accepted_at < ?1 AND NOT EXISTS (
             SELECT 1 FROM signalbus_delivery AS d
             WHERE d.position >= e.first_position AND d.position < e.first_position + e.deliveries
               AND d.ended_at < (SELECT value ->> 2 FROM jsonb_each(?3)
                                 WHERE value ->> 0 = d.state AND value ->> 1 = d.class)
                   IS NOT TRUE)
         ORDER BY e.accepted_at LIMIT ?2"
        )
    };
}

const ENDED: &str = ended!("signalbus_event AS e INDEXED BY signalbus_event_accepted");
const ENDED_AMONG: &str = ended!(
    "(SELECT value FROM json_each(?4)) AS among CROSS JOIN signalbus_event AS e ON e.event = among.value"
);

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
