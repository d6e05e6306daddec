//! Reading work: a fixed number of statements, none of which walks over work it does not return.

mod due;
mod groups;
#[cfg(test)]
mod tests;

use signalbus_core::{
    clock::Timestamp,
    store::{Fetched, Interrupted, LaneLease, MOST_INTERRUPTED, StoreError, Window},
};
use sqlx::SqliteConnection;

pub(crate) use due::{Turn, promote};

use crate::{batch, codec::Columns, error, lanes, row, states::state};

/// What every statement of a fetch is limited to, as JSON.
struct Scope {
    now: Timestamp,
    lanes: String,
    channels: String,
}

/// Reads work, unless some has become due and must be promoted first.
pub(crate) async fn fetch_unless_due(
    conn: &mut SqliteConnection,
    now: Timestamp,
    leases: &[LaneLease],
    window: &Window,
) -> Result<Option<Fetched>, StoreError> {
    let fetched = begin(conn, now, leases, window).await?;
    match fetched.1.next_due {
        Some(due) if due <= now => Ok(None),
        _ => fill(conn, fetched.0, fetched.1, window).await.map(Some),
    }
}

/// Reads work.
pub(crate) async fn fetch(
    conn: &mut SqliteConnection,
    now: Timestamp,
    leases: &[LaneLease],
    window: &Window,
) -> Result<Fetched, StoreError> {
    let (scope, fetched) = begin(conn, now, leases, window).await?;
    fill(conn, scope, fetched, window).await
}

async fn begin(
    conn: &mut SqliteConnection,
    now: Timestamp,
    leases: &[LaneLease],
    window: &Window,
) -> Result<(Scope, Fetched), StoreError> {
    let owned = lanes::current(conn, leases).await?;
    let lanes: Vec<u64> = owned.iter().map(|(lane, _)| lane.get()).collect();
    let scope = Scope {
        now,
        lanes: batch::rows(&lanes)?,
        channels: batch::rows(&window.channels)?,
    };
    let next_due = due::next(conn, &scope.lanes).await?;
    let fetched = Fetched {
        now,
        ready: Vec::new(),
        interrupted: Vec::new(),
        resume: Vec::new(),
        next_due,
    };
    Ok((scope, fetched))
}

async fn fill(
    conn: &mut SqliteConnection,
    scope: Scope,
    mut fetched: Fetched,
    window: &Window,
) -> Result<Fetched, StoreError> {
    for class in &window.classes {
        let last = groups::read(conn, &scope, class, window.per_group, &mut fetched.ready).await?;
        fetched
            .resume
            .extend(last.map(|group| (class.class, group)));
    }
    fetched.interrupted = interrupted(conn, &scope).await?;
    Ok(fetched)
}

async fn interrupted(
    conn: &mut SqliteConnection,
    scope: &Scope,
) -> Result<Vec<Interrupted>, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT d.claimed_at, d.alone, ",
        row::ready_columns!(),
        concat!(
            " FROM json_each(?1) AS j
          CROSS JOIN signalbus_lane AS l ON l.lane = j.value
          CROSS JOIN signalbus_delivery AS d INDEXED BY signalbus_delivery_sending
            ON d.state = ",
            state!(sending),
            " AND d.lane = l.lane AND d.claim_epoch < l.epoch
           AND d.channel IN (SELECT value FROM json_each(?2))
          CROSS JOIN signalbus_event AS e ON e.event = d.event
          ORDER BY d.position LIMIT ?3"
        )
    ))
    .bind(&scope.lanes)
    .bind(&scope.channels)
    .bind(MOST_INTERRUPTED)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    let read = |row| {
        let mut columns = Columns::of(row);
        Ok(Interrupted {
            claimed_at: columns.time()?,
            alone: columns.take()?,
            ready: row::ready(&mut columns)?,
        })
    };
    Ok(rows
        .iter()
        .filter_map(|row| row::readable(read(row)))
        .collect())
}
