//! Work that waits for a time. When it has come, a fetch moves it among the ready, a bounded
//! number each time and a little for each tenant, so that nobody waits for another's thousands.

use std::sync::{Mutex, PoisonError};

use signalbus_core::{
    clock::Timestamp,
    store::{LaneLease, StoreError},
};
use sqlx::SqliteConnection;

use crate::{
    batch,
    codec::{self, micros},
    error, lanes,
    states::state,
};

/// The most that one fetch moves.
const AT_ONCE: i64 = 2_000;
/// The most of one class and tenant, when more than that is due.
const SHARE: i64 = 64;

/// Whose turn it was last, when not all could be moved.
#[derive(Debug, Default)]
pub(crate) struct Turn(Mutex<(i64, String)>);

impl Turn {
    fn get(&self) -> (i64, String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, class: i64, tenant: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (class, tenant);
    }
}

/// When the next delivery of these lanes becomes due.
pub(super) async fn next(
    conn: &mut SqliteConnection,
    lanes: &str,
) -> Result<Option<Timestamp>, StoreError> {
    let due: Option<i64> = sqlx::query_scalar(concat!(
        "SELECT min((SELECT due FROM signalbus_delivery INDEXED BY signalbus_delivery_due
                     WHERE state = ",
        state!(timed),
        " AND lane = j.value ORDER BY due LIMIT 1))
         FROM json_each(?1) AS j"
    ))
    .bind(lanes)
    .fetch_one(conn)
    .await
    .map_err(error::of)?;
    due.map(codec::time).transpose()
}

/// Makes ready what is due.
pub(crate) async fn promote(
    conn: &mut SqliteConnection,
    now: Timestamp,
    leases: &[LaneLease],
    turn: &Turn,
) -> Result<(), StoreError> {
    let owned = lanes::current(conn, leases).await?;
    let lanes: Vec<u64> = owned.iter().map(|(lane, _)| lane.get()).collect();
    let found: Vec<i64> = sqlx::query_scalar(concat!(
        "SELECT d.position
         FROM json_each(?1) AS j
         CROSS JOIN signalbus_delivery AS d INDEXED BY signalbus_delivery_due
           ON d.state = ",
        state!(timed),
        " AND d.lane = j.value AND d.due <= ?2
         LIMIT ?3"
    ))
    .bind(batch::rows(&lanes)?)
    .bind(micros(now))
    .bind(AT_ONCE + 1)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    let all = i64::try_from(found.len()).is_ok_and(|found| found <= AT_ONCE);
    let positions = if all {
        found
    } else {
        a_little_of_each(conn, now, turn).await?
    };
    sqlx::query(concat!(
        "UPDATE signalbus_delivery SET state = ",
        state!(ready),
        "
         WHERE position IN (SELECT value FROM json_each(?1)) AND state = ",
        state!(timed)
    ))
    .bind(batch::rows(&positions)?)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// Goes round classes and tenants, starting behind where it was cut the last time.
async fn a_little_of_each(
    conn: &mut SqliteConnection,
    now: Timestamp,
    turn: &Turn,
) -> Result<Vec<i64>, StoreError> {
    let (class, tenant) = turn.get();
    let mut rows: Vec<(i64, i64, String)> = lap(conn, now, class, &tenant, AT_ONCE).await?;
    let missing = AT_ONCE.saturating_sub(i64::try_from(rows.len()).unwrap_or(AT_ONCE));
    if missing > 0 {
        rows.extend(lap(conn, now, -1, "", missing).await?);
    }
    if let Some((_, class, tenant)) = rows.last() {
        turn.set(*class, tenant.clone());
    }
    Ok(rows.into_iter().map(|(position, ..)| position).collect())
}

/// The first timed delivery behind the class and tenant of `a`: one column at a time, since for
/// `(class, tenant) > (..)` SQLite walks through all rows that are equal.
macro_rules! behind {
    () => {
        concat!(
            "coalesce(
             (SELECT position FROM signalbus_delivery INDEXED BY signalbus_delivery_due_share
              WHERE state = ",
            state!(timed),
            " AND class = a.class AND tenant > a.tenant
              ORDER BY tenant LIMIT 1),
             (SELECT position FROM signalbus_delivery INDEXED BY signalbus_delivery_due_share
              WHERE state = ",
            state!(timed),
            " AND class > a.class
              ORDER BY class, tenant LIMIT 1))"
        )
    };
}

async fn lap(
    conn: &mut SqliteConnection,
    now: Timestamp,
    class: i64,
    tenant: &str,
    limit: i64,
) -> Result<Vec<(i64, i64, String)>, StoreError> {
    sqlx::query_as(concat!(
        "WITH RECURSIVE present (class, tenant) AS (
             SELECT n.class, n.tenant
             FROM (SELECT ?1 AS class, ?2 AS tenant) AS a
             CROSS JOIN signalbus_delivery AS n ON n.position = ",
        behind!(),
        "    UNION ALL
             SELECT n.class, n.tenant
             FROM present AS a
             CROSS JOIN signalbus_delivery AS n ON n.position = ",
        behind!(),
        concat!(
            ")
         SELECT d.position, d.class, d.tenant
         FROM present AS p
         CROSS JOIN signalbus_delivery AS d ON d.position IN (
             SELECT position FROM signalbus_delivery INDEXED BY signalbus_delivery_due_share
             WHERE state = ",
            state!(timed),
            " AND class = p.class AND tenant = p.tenant AND due <= ?3
             ORDER BY due LIMIT ?4)
         LIMIT ?5"
        ),
    ))
    .bind(class)
    .bind(tenant.to_owned())
    .bind(micros(now))
    .bind(SHARE)
    .bind(limit)
    .fetch_all(conn)
    .await
    .map_err(error::of)
}
