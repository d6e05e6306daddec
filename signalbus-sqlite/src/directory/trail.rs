use signalbus_core::{
    clock::Timestamp,
    directory::{Done, Kind, Owner, Trail, TrailFilter},
    store::StoreError,
};
use sqlx::SqliteConnection;

use crate::{
    codec::{Columns, micros},
    error,
};

/// A line before it has a number.
pub(super) struct Line<'a> {
    pub(super) owner: &'a Owner,
    pub(super) actor: &'a str,
    pub(super) action: &'a str,
    pub(super) kind: Option<Kind>,
    pub(super) target: &'a str,
}

pub(super) async fn write(
    conn: &mut SqliteConnection,
    now: Timestamp,
    line: &Line<'_>,
) -> Result<u64, StoreError> {
    let row = sqlx::query(
        "INSERT INTO signalbus_trail (at, owner, actor, action, kind, target)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING number",
    )
    .bind(micros(now))
    .bind(line.owner.as_str().to_owned())
    .bind(line.actor.to_owned())
    .bind(line.action.to_owned())
    .bind(line.kind.map(Kind::as_str))
    .bind(line.target.to_owned())
    .fetch_one(conn)
    .await
    .map_err(error::of)?;
    Columns::of(&row).number()
}

pub(super) async fn record(
    conn: &mut SqliteConnection,
    now: Timestamp,
    actor: &str,
    done: &Done,
) -> Result<u64, StoreError> {
    let line = Line {
        owner: &done.owner,
        actor,
        action: &done.action,
        kind: None,
        target: &done.target,
    };
    write(conn, now, &line).await
}

pub(super) async fn trail(
    conn: &mut SqliteConnection,
    owner: &Owner,
    filter: &TrailFilter,
) -> Result<Vec<Trail>, StoreError> {
    let before = filter
        .before
        .map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    let rows = sqlx::query(
        "SELECT number, at, actor, action, kind, target FROM signalbus_trail
         WHERE owner = ?1 AND number < coalesce(?2, 9223372036854775807)
           AND actor = coalesce(?3, actor) AND action = coalesce(?4, action)
           AND at >= ?6 AND at < ?7
         ORDER BY number DESC LIMIT ?5",
    )
    .bind(owner.as_str().to_owned())
    .bind(before)
    .bind(filter.actor.clone())
    .bind(filter.action.clone())
    .bind(i64::from(filter.limit))
    .bind(filter.written_from.map_or(i64::MIN, micros))
    .bind(filter.written_before.map_or(i64::MAX, micros))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(Trail {
                number: columns.number()?,
                at: columns.time()?,
                owner: owner.clone(),
                actor: columns.take()?,
                action: columns.take()?,
                kind: columns
                    .take_or_none::<String>()?
                    .map(|kind| {
                        Kind::parse(&kind).ok_or_else(|| error::corrupt("a kind is not known"))
                    })
                    .transpose()?,
                target: columns.take()?,
            })
        })
        .collect()
}
