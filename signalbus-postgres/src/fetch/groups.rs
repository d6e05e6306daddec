//! Ready work, a little of each group: from each group of the index the next is one seek away, so
//! that a tenant's million is stepped over and not walked through.

use signalbus_core::{
    name::PoolName,
    store::{ClassWindow, Group, Ready, StoreError},
};

use super::Scope;
use crate::{
    codec::{Columns, class_code, lane_column, micros},
    database::Link,
    row,
};

/// A walk over the groups of one channel: behind `from`, and up to and with `to`.
struct Step<'a> {
    channel: &'a str,
    from: Place<'a>,
    to: Option<Place<'a>>,
}

/// A place among the groups of a channel.
#[derive(Clone, Copy)]
struct Place<'a> {
    tenant: &'a str,
    pool: &'a str,
    tried: bool,
    lane: i64,
}

impl<'a> Place<'a> {
    /// Before all: no name is empty.
    const START: Self = Self {
        tenant: "",
        pool: "",
        tried: false,
        lane: -1,
    };

    fn of(group: &'a Group) -> Self {
        Self {
            tenant: group.tenant.as_str(),
            pool: pool_of(group.pool.as_ref()),
            tried: group.retry,
            lane: lane_column(group.lane),
        }
    }
}

/// Once round the listed channels, in their order, from behind the last group that was read.
fn steps<'a>(channels: &'a [String], after: Option<&'a Group>) -> Vec<Step<'a>> {
    let whole = |channel: &'a String| Step {
        channel,
        from: Place::START,
        to: None,
    };
    let Some(after) = after else {
        return channels.iter().map(whole).collect();
    };
    let (place, of) = (Place::of(after), after.channel.as_str());
    let mut steps = Vec::with_capacity(channels.len() + 1);
    let cut = channels.iter().any(|channel| channel == of);
    if cut {
        steps.push(Step {
            channel: of,
            from: place,
            to: None,
        });
    }
    let behind = channels.iter().filter(|channel| channel.as_str() > of);
    let before = channels.iter().filter(|channel| channel.as_str() < of);
    steps.extend(behind.map(whole));
    steps.extend(before.map(whole));
    if cut {
        steps.push(Step {
            channel: of,
            from: Place::START,
            to: Some(place),
        });
    }
    steps
}

/// The next group of the channel behind a place.
macro_rules! next_group {
    ($tenant:literal, $pool:literal, $tried:literal, $lane:literal) => {
        concat!(
            "SELECT g.tenant, g.pool, g.tried, g.lane FROM (
                 SELECT d.tenant, d.pool, d.tried, d.lane FROM signalbus.delivery AS d
                 WHERE d.state = 0 AND d.class = $2 AND d.channel = s.channel
                   AND (d.tenant, d.pool, d.tried, d.lane) > (",
            $tenant,
            ", ",
            $pool,
            ", ",
            $tried,
            ", ",
            $lane,
            ")
                 ORDER BY d.tenant, d.pool, d.tried, d.lane LIMIT 1) AS g
             WHERE s.to_tenant IS NULL
                OR (g.tenant, g.pool, g.tried, g.lane)
                   <= (s.to_tenant, s.to_pool, s.to_tried, s.to_lane)"
        )
    };
}

const READ: &str = concat!(
    "SELECT ",
    row::ready_columns!(),
    " FROM unnest($4::text[], $5::text[], $6::boolean[], $7::bigint[], $8::text[],
                  $9::boolean[], $10::bigint[], $15::text[], $16::text[])
          AS s (channel, from_tenant, from_tried, from_lane, to_tenant, to_tried, to_lane,
                from_pool, to_pool)
      CROSS JOIN LATERAL (
          WITH RECURSIVE present AS (
              (",
    next_group!(
        "s.from_tenant",
        "s.from_pool",
        "s.from_tried",
        "s.from_lane"
    ),
    "         )
              UNION ALL
              SELECT n.* FROM present AS p CROSS JOIN LATERAL (",
    next_group!("p.tenant", "p.pool", "p.tried", "p.lane"),
    "         ) AS n)
          SELECT * FROM present) AS p
      CROSS JOIN LATERAL (
          SELECT * FROM signalbus.delivery AS d
          WHERE d.state = 0 AND d.class = $2 AND d.channel = s.channel
            AND d.tenant = p.tenant AND d.pool = p.pool AND d.tried = p.tried
            AND d.lane = p.lane
            AND (d.due <= $1
                 OR (d.due = d.accepted_at AND d.attempt = 0 AND d.generation = 0))
          ORDER BY d.position LIMIT $3) AS d
      WHERE p.lane = ANY($11)
        AND NOT EXISTS (SELECT 1 FROM unnest($12::text[], $13::text[], $17::text[])
                                          AS k (tenant, channel, pool)
                        WHERE k.tenant = p.tenant AND k.channel = s.channel AND k.pool = p.pool)
      LIMIT $14"
);

/// Adds the ready work of one class to `found`; the last group when the total cut it.
pub(super) async fn read(
    link: &mut Link<'_>,
    scope: &Scope,
    window: &ClassWindow,
    per_group: u32,
    found: &mut Vec<Ready>,
) -> Result<Option<Group>, StoreError> {
    let steps = steps(&scope.channels, window.after.as_ref());
    let column = |step: &Step<'_>| step.channel.to_owned();
    let skip = &window.skip;
    let tenants: Vec<&str> = skip.iter().map(|of| of.tenant.as_str()).collect();
    let channels: Vec<&str> = skip.iter().map(|of| of.channel.as_str()).collect();
    let pools: Vec<&str> = skip.iter().map(|of| pool_of(of.pool.as_ref())).collect();
    let query = link
        .query(READ)
        .bind(micros(scope.now))
        .bind(i16::try_from(class_code(window.class)).unwrap_or_default())
        .bind(i64::from(per_group))
        .bind(steps.iter().map(column).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.from.tenant).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.from.tried).collect::<Vec<_>>())
        .bind(steps.iter().map(|s| s.from.lane).collect::<Vec<_>>())
        .bind(
            steps
                .iter()
                .map(|s| s.to.map(|p| p.tenant.to_owned()))
                .collect::<Vec<_>>(),
        )
        .bind(
            steps
                .iter()
                .map(|s| s.to.map(|p| p.tried))
                .collect::<Vec<_>>(),
        )
        .bind(
            steps
                .iter()
                .map(|s| s.to.map(|p| p.lane))
                .collect::<Vec<_>>(),
        )
        .bind(&scope.lanes)
        .bind(tenants)
        .bind(channels)
        .bind(i64::from(window.total) + 1)
        .bind(steps.iter().map(|s| s.from.pool).collect::<Vec<_>>())
        .bind(
            steps
                .iter()
                .map(|s| s.to.map(|p| p.pool.to_owned()))
                .collect::<Vec<_>>(),
        )
        .bind(pools);
    let rows = link.rows(query).await?;
    let total = usize::try_from(window.total).unwrap_or(usize::MAX);
    let cut = rows.len() > total;
    for row in rows.iter().take(total) {
        found.extend(row::readable(row::ready(&mut Columns::of(row))));
    }
    let last = if total == 0 { None } else { found.last() };
    Ok(cut
        .then(|| last.map(Ready::group).or_else(|| window.after.clone()))
        .flatten())
}

/// As it is stored: empty when there is none.
fn pool_of(pool: Option<&PoolName>) -> &str {
    pool.map_or("", PoolName::as_str)
}
