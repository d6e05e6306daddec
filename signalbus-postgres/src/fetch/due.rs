//! Work that waits for a time. When it has come, a fetch moves it among the ready, a bounded
//! number each time and a little for each tenant, so that nobody waits for another's thousands.

use std::sync::{Mutex, PoisonError};

use signalbus_core::store::StoreError;

use super::Scope;
use crate::{
    codec::{Columns, micros},
    database::Link,
};

/// The most that one fetch moves.
const AT_ONCE: i64 = 2_000;
/// The most of one class and tenant, when more than that is due.
const SHARE: i64 = 64;

/// Whose turn it was last, when not all could be moved.
#[derive(Debug, Default)]
pub(crate) struct Turn(Mutex<(i16, String)>);

impl Turn {
    fn get(&self) -> (i16, String) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn set(&self, class: i16, tenant: String) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (class, tenant);
    }
}

/// Makes ready what is due.
pub(super) async fn promote(
    link: &mut Link<'_>,
    scope: &Scope,
    turn: &Turn,
) -> Result<(), StoreError> {
    let query = link
        .query(
            "SELECT n.position FROM unnest($1::bigint[]) AS l (lane) CROSS JOIN LATERAL (
                 SELECT d.position FROM signalbus.delivery AS d
                 WHERE d.state = 1 AND d.lane = l.lane AND d.due <= $2
                 ORDER BY d.due LIMIT $3) AS n
             LIMIT $3",
        )
        .bind(&scope.lanes)
        .bind(micros(scope.now))
        .bind(AT_ONCE + 1);
    let rows = link.rows(query).await?;
    let found = rows.iter().map(|row| Columns::of(row).int());
    let mut positions = found.collect::<Result<Vec<_>, _>>()?;
    if i64::try_from(positions.len()).is_ok_and(|found| found > AT_ONCE) {
        positions = a_little_of_each(link, scope, turn).await?;
    }
    let query = link
        .query("UPDATE signalbus.delivery SET state = 0 WHERE position = ANY($1) AND state = 1")
        .bind(positions);
    link.run(query).await.map(drop)
}

/// Goes round classes and tenants, starting behind where it was cut the last time.
async fn a_little_of_each(
    link: &mut Link<'_>,
    scope: &Scope,
    turn: &Turn,
) -> Result<Vec<i64>, StoreError> {
    let (class, tenant) = turn.get();
    let mut rows = lap(link, scope, class, &tenant, AT_ONCE).await?;
    let missing = AT_ONCE.saturating_sub(i64::try_from(rows.len()).unwrap_or(AT_ONCE));
    if missing > 0 {
        rows.extend(lap(link, scope, -1, "", missing).await?);
    }
    if let Some((_, class, tenant)) = rows.last() {
        turn.set(*class, tenant.clone());
    }
    Ok(rows.into_iter().map(|(position, ..)| position).collect())
}

async fn lap(
    link: &mut Link<'_>,
    scope: &Scope,
    class: i16,
    tenant: &str,
    limit: i64,
) -> Result<Vec<(i64, i16, String)>, StoreError> {
    let query = link
        .query(
            "WITH RECURSIVE present AS (
                 (SELECT d.class, d.tenant FROM signalbus.delivery AS d
                  WHERE d.state = 1 AND (d.class, d.tenant) > ($1, $2)
                  ORDER BY d.class, d.tenant LIMIT 1)
                 UNION ALL
                 SELECT n.class, n.tenant FROM present AS p CROSS JOIN LATERAL (
                     SELECT d.class, d.tenant FROM signalbus.delivery AS d
                     WHERE d.state = 1 AND (d.class, d.tenant) > (p.class, p.tenant)
                     ORDER BY d.class, d.tenant LIMIT 1) AS n)
             SELECT n.position, p.class, p.tenant
             FROM present AS p CROSS JOIN LATERAL (
                 SELECT d.position FROM signalbus.delivery AS d
                 WHERE d.state = 1 AND d.class = p.class AND d.tenant = p.tenant AND d.due <= $3
                   AND d.lane = ANY($4)
                 ORDER BY d.due LIMIT $5) AS n
             LIMIT $6",
        )
        .bind(class)
        .bind(tenant.to_owned())
        .bind(micros(scope.now))
        .bind(&scope.lanes)
        .bind(SHARE)
        .bind(limit);
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.int()?, columns.take()?, columns.take()?))
        })
        .collect()
}
