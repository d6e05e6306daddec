//! Ready work, a little of each group: from each group of the index the next is one seek away, so
//! that a tenant's million is stepped over and not walked through.

use signalbus_core::{
    name::PoolName,
    store::{ClassWindow, Group, Ready, StoreError},
};
use sqlx::SqliteConnection;

use super::Scope;
use crate::{
    batch,
    codec::{Columns, class_code, column, micros},
    error, row,
    states::state,
};

/// A place in the ready index: before, at or behind any group.
struct Place<'a> {
    channel: &'a str,
    tenant: &'a str,
    pool: &'a str,
    retry: bool,
    lane: i64,
}

impl<'a> Place<'a> {
    /// Before all: no name is empty.
    const START: Self = Self {
        channel: "",
        tenant: "",
        pool: "",
        retry: false,
        lane: 0,
    };
    /// Behind all: no name has a `~`.
    const END: Self = Self {
        channel: "~",
        tenant: "",
        pool: "",
        retry: false,
        lane: 0,
    };

    fn of(group: &'a Group) -> Self {
        Self {
            channel: group.channel.as_str(),
            tenant: group.tenant.as_str(),
            pool: pool_of(group.pool.as_ref()),
            retry: group.retry,
            lane: column(group.lane),
        }
    }
}

/// Adds the ready work of one class to `found`; the last group when the total cut it.
pub(super) async fn read(
    conn: &mut SqliteConnection,
    scope: &Scope,
    window: &ClassWindow,
    per_group: u32,
    found: &mut Vec<Ready>,
) -> Result<Option<Group>, StoreError> {
    let already = found.len();
    let total = usize::try_from(window.total).unwrap_or(usize::MAX);
    let laps = match &window.after {
        None => vec![(Place::START, Place::END)],
        Some(group) => vec![
            (Place::of(group), Place::END),
            (Place::START, Place::of(group)),
        ],
    };
    for (from, to) in laps {
        let missing = total.saturating_sub(found.len() - already);
        let one_more = u32::try_from(missing).unwrap_or(u32::MAX).saturating_add(1);
        found.extend(lap(conn, scope, window, per_group, from, to, one_more).await?);
        if found.len() - already > total {
            found.truncate(already + total);
            let last = found[already..].last().map(Ready::group);
            return Ok(last.or_else(|| window.after.clone()));
        }
    }
    Ok(None)
}

/// The first ready delivery of the class under `$conditions`, which fix columns of the index from
/// the left: the first of a group.
macro_rules! first {
    ($conditions:literal, $order:literal) => {
        concat!(
            concat!(
                "(SELECT position FROM signalbus_delivery INDEXED BY signalbus_delivery_ready
              WHERE state = ",
                state!(ready),
                " AND class = ?3 AND "
            ),
            $conditions,
            " ORDER BY ",
            $order,
            " LIMIT 1)"
        )
    };
}

/// The first ready delivery of the channel `a.channel` behind the group of `a`.
///
/// One column at a time: for `(tenant, retry, lane) > (..)` SQLite seeks the first row that is
/// equal, and walks through all that are, which may be a million.
macro_rules! behind {
    () => {
        concat!(
            "coalesce(",
            first!(
                "channel = a.channel AND tenant = a.tenant AND pool = a.pool AND retry = a.retry
                 AND lane > a.lane",
                "lane"
            ),
            ", ",
            first!(
                "channel = a.channel AND tenant = a.tenant AND pool = a.pool AND retry > a.retry",
                "retry, lane"
            ),
            ", ",
            first!(
                "channel = a.channel AND tenant = a.tenant AND pool > a.pool",
                "pool, retry, lane"
            ),
            ", ",
            first!(
                "channel = a.channel AND tenant > a.tenant",
                "tenant, pool, retry, lane"
            ),
            ")"
        )
    };
}

/// One walk over the groups behind `from`, up to and with `to`.
async fn lap(
    conn: &mut SqliteConnection,
    scope: &Scope,
    window: &ClassWindow,
    per_group: u32,
    from: Place<'_>,
    to: Place<'_>,
    limit: u32,
) -> Result<Vec<Ready>, StoreError> {
    let skip: Vec<_> = window
        .skip
        .iter()
        .map(|of| (&of.tenant, &of.channel, pool_of(of.pool.as_ref())))
        .collect();
    let rows = sqlx::query(concat!(
        "WITH RECURSIVE start (channel, tenant, pool, retry, lane) AS (
             SELECT c.value, iif(c.value = ?5, ?6, ''), iif(c.value = ?5, ?16, ''),
                    iif(c.value = ?5, ?7, 0), iif(c.value = ?5, ?8, -1)
             FROM jsonb_each(?2) AS c WHERE c.value >= ?5),
         present (channel, tenant, pool, retry, lane) AS (
             SELECT n.channel, n.tenant, n.pool, n.retry, n.lane
             FROM start AS a
             CROSS JOIN signalbus_delivery AS n ON n.position = ",
        behind!(),
        "    WHERE (n.channel, n.tenant, n.pool, n.retry, n.lane)
                   <= (?9, ?10, ?17, ?11, ?12)
             UNION ALL
             SELECT n.channel, n.tenant, n.pool, n.retry, n.lane
             FROM present AS a
             CROSS JOIN signalbus_delivery AS n ON n.position = ",
        behind!(),
        "    WHERE (n.channel, n.tenant, n.pool, n.retry, n.lane)
                   <= (?9, ?10, ?17, ?11, ?12)
             ORDER BY 1, 2, 3, 4, 5)
         SELECT ",
        row::ready_columns!(),
        concat!(
            " FROM present AS p
          CROSS JOIN signalbus_delivery AS d ON d.position IN (
              SELECT position FROM signalbus_delivery INDEXED BY signalbus_delivery_ready
              WHERE state = ",
            state!(ready),
            " AND class = ?3 AND channel = p.channel AND tenant = p.tenant
                AND pool = p.pool AND retry = p.retry AND lane = p.lane
                AND (due <= ?15 OR (due = accepted_at AND attempt = 0 AND generation = 0))
              ORDER BY position LIMIT ?4)
          CROSS JOIN signalbus_event AS e ON e.event = d.event
          WHERE p.lane IN (SELECT value FROM jsonb_each(?1))
            AND (p.tenant, p.channel, p.pool) NOT IN (
                SELECT value ->> 0, value ->> 1, value ->> 2 FROM jsonb_each(?14))
          LIMIT ?13"
        )
    ))
    .bind(&scope.lanes)
    .bind(&scope.channels)
    .bind(class_code(window.class))
    .bind(i64::from(per_group))
    .bind(from.channel.to_owned())
    .bind(from.tenant.to_owned())
    .bind(i64::from(from.retry))
    .bind(from.lane)
    .bind(to.channel.to_owned())
    .bind(to.tenant.to_owned())
    .bind(i64::from(to.retry))
    .bind(to.lane)
    .bind(i64::from(limit))
    .bind(batch::rows(&skip)?)
    .bind(micros(scope.now))
    .bind(from.pool.to_owned())
    .bind(to.pool.to_owned())
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    Ok(rows
        .iter()
        .filter_map(|row| row::readable(row::ready(&mut Columns::of(row))))
        .collect())
}

/// As it is stored: empty when there is none.
fn pool_of(pool: Option<&PoolName>) -> &str {
    pool.map_or("", PoolName::as_str)
}
