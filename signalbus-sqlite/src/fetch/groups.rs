//! Ready work, a little of each group: from each group of the index the next is one seek away, so
//! that a tenant's million is stepped over and not walked through.

use signalbus::store::{ClassWindow, Group, Ready, StoreError};
use sqlx::SqliteConnection;

use super::Scope;
use crate::{
    batch,
    codec::{Columns, class_code, micros},
    error, row,
};

/// A place in the ready index: before, at or behind any group.
struct Place<'a> {
    channel: &'a str,
    tenant: &'a str,
    retry: bool,
    lane: u16,
}

impl<'a> Place<'a> {
    /// Before all: no name is empty.
    const START: Self = Self {
        channel: "",
        tenant: "",
        retry: false,
        lane: 0,
    };
    /// Behind all: no name has a `~`.
    const END: Self = Self {
        channel: "~",
        tenant: "",
        retry: false,
        lane: 0,
    };

    fn of(group: &'a Group) -> Self {
        Self {
            channel: group.channel.as_str(),
            tenant: group.tenant.as_str(),
            retry: group.retry,
            lane: group.lane.0,
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
            let last = found[already..].last().map(group_of);
            return Ok(last.or_else(|| window.after.clone()));
        }
    }
    Ok(None)
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
    let rows = sqlx::query(concat!(
        "WITH RECURSIVE present (channel, tenant, retry, lane) AS (
             SELECT n.channel, n.tenant, n.retry, n.lane
             FROM jsonb_each(?2) AS c
             CROSS JOIN signalbus_delivery AS n ON n.position = (
                 SELECT position FROM signalbus_delivery INDEXED BY signalbus_delivery_ready
                 WHERE state = 0 AND class = ?3 AND channel = c.value
                   AND (channel, tenant, retry, lane) > (?5, ?6, ?7, ?8)
                 ORDER BY class, channel, tenant, retry, lane LIMIT 1)
             WHERE (n.channel, n.tenant, n.retry, n.lane) <= (?9, ?10, ?11, ?12)
             UNION ALL
             SELECT n.channel, n.tenant, n.retry, n.lane
             FROM present AS p
             CROSS JOIN signalbus_delivery AS n ON n.position = (
                 SELECT position FROM signalbus_delivery INDEXED BY signalbus_delivery_ready
                 WHERE state = 0 AND class = ?3 AND channel = p.channel
                   AND (tenant, retry, lane) > (p.tenant, p.retry, p.lane)
                 ORDER BY class, channel, tenant, retry, lane LIMIT 1)
             WHERE (n.channel, n.tenant, n.retry, n.lane) <= (?9, ?10, ?11, ?12)
             ORDER BY 1, 2, 3, 4)
         SELECT ",
        row::ready_columns!(),
        " FROM present AS p
          CROSS JOIN signalbus_delivery AS d ON d.position IN (
              SELECT position FROM signalbus_delivery INDEXED BY signalbus_delivery_ready
              WHERE state = 0 AND class = ?3 AND channel = p.channel AND tenant = p.tenant
                AND retry = p.retry AND lane = p.lane
              ORDER BY position LIMIT ?4)
          CROSS JOIN signalbus_event AS e ON e.event = d.event
          WHERE p.lane IN (SELECT value FROM jsonb_each(?1))
            AND (p.tenant, p.channel) NOT IN (
                SELECT value ->> 0, value ->> 1 FROM jsonb_each(?14))
            AND d.due <= ?15
          LIMIT ?13"
    ))
    .bind(&scope.lanes)
    .bind(&scope.channels)
    .bind(class_code(window.class))
    .bind(i64::from(per_group))
    .bind(from.channel.to_owned())
    .bind(from.tenant.to_owned())
    .bind(i64::from(from.retry))
    .bind(i64::from(from.lane))
    .bind(to.channel.to_owned())
    .bind(to.tenant.to_owned())
    .bind(i64::from(to.retry))
    .bind(i64::from(to.lane))
    .bind(i64::from(limit))
    .bind(batch::rows(&window.skip)?)
    .bind(micros(scope.now))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| row::ready(&mut Columns::of(row)))
        .collect()
}

fn group_of(ready: &Ready) -> Group {
    Group {
        tenant: ready.tenant.clone(),
        channel: ready.channel.clone(),
        retry: ready.is_retry(),
        lane: ready.lane,
    }
}
