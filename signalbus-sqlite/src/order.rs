//! Strict order. Of the deliveries with one order key, those that must wait for an earlier one are
//! kept `behind`, out of the way of `fetch`; when one ends, the next is let go.

use serde::Serialize;
use signalbus_core::store::StoreError;
use sqlx::SqliteConnection;

use crate::{batch, error, states::state};

/// Deliveries with the same key are ordered among themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub(crate) struct OrderKey(pub(crate) i64, pub(crate) String);

/// Puts those of these deliveries `behind` that must wait for an earlier one.
pub(crate) async fn hold_back(
    conn: &mut SqliteConnection,
    positions: &[i64],
) -> Result<(), StoreError> {
    if positions.is_empty() {
        return Ok(());
    }
    sqlx::query(concat!(
        "UPDATE signalbus_delivery AS d SET state = ",
        state!(behind),
        "
         WHERE d.position IN (SELECT value FROM json_each(?1))
           AND d.state IN (",
        state!(ready),
        ", ",
        state!(timed),
        ") AND d.order_mode >= 2
           AND EXISTS (
             SELECT 1 FROM signalbus_delivery AS e INDEXED BY signalbus_delivery_order
             WHERE e.holds = 1 AND e.order_key = d.order_key AND e.tenant = d.tenant
               AND e.position < d.position AND (e.state < ",
        state!(first_end),
        " OR d.order_mode = 3))"
    ))
    .bind(batch::rows(positions)?)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// The same for whatever waits in front of, or is ready under, these keys.
pub(crate) async fn hold_back_keys(
    conn: &mut SqliteConnection,
    keys: &[OrderKey],
) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let positions: Vec<i64> = sqlx::query_scalar(concat!(
        "SELECT d.position
         FROM jsonb_each(?1) AS k
         CROSS JOIN signalbus_delivery AS d INDEXED BY signalbus_delivery_order
           ON d.holds = 1 AND d.order_key = k.value ->> 0 AND d.tenant = k.value ->> 1
          AND d.state IN (",
        state!(ready),
        ", ",
        state!(timed),
        ") AND d.order_mode >= 2"
    ))
    .bind(batch::rows(keys)?)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    hold_back(conn, &positions).await
}

/// Lets the next of each of these keys go, if nothing earlier holds it back any more.
pub(crate) async fn let_go(
    conn: &mut SqliteConnection,
    now: i64,
    keys: &[OrderKey],
) -> Result<(), StoreError> {
    if keys.is_empty() || !any_behind(conn).await? {
        return Ok(());
    }
    sqlx::query(concat!(
        "UPDATE signalbus_delivery AS d SET state = CASE
             WHEN d.due <= ?2 OR (d.due = d.accepted_at AND d.attempt = 0 AND d.generation = 0)
             THEN 0 ELSE 1 END
         WHERE d.position IN (
             SELECT (SELECT min(b.position)
                     FROM signalbus_delivery AS b INDEXED BY signalbus_delivery_behind
                     WHERE b.state = ",
        state!(behind),
        "
                       AND b.order_key = k.value ->> 0 AND b.tenant = k.value ->> 1)
             FROM jsonb_each(?1) AS k)
           AND NOT EXISTS (
             SELECT 1 FROM signalbus_delivery AS e INDEXED BY signalbus_delivery_order
             WHERE e.holds = 1 AND e.order_key = d.order_key AND e.tenant = d.tenant
               AND e.position < d.position AND (e.state < ",
        state!(first_end),
        " OR d.order_mode = 3))"
    ))
    .bind(batch::rows(keys)?)
    .bind(now)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

async fn any_behind(conn: &mut SqliteConnection) -> Result<bool, StoreError> {
    sqlx::query_scalar(concat!(
        "SELECT EXISTS (SELECT 1 FROM signalbus_delivery INDEXED BY signalbus_delivery_behind
                        WHERE state = ",
        state!(behind),
        ")"
    ))
    .fetch_one(conn)
    .await
    .map_err(error::of)
}
