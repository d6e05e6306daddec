use signalbus_core::{
    clock::Timestamp,
    directory::{Done, Kind, Owner, Trail, TrailFilter},
    store::StoreError,
};

use crate::{
    codec::{Columns, micros},
    database::Link,
    error,
    text::{clean, clean_or_none},
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
    link: &mut Link<'_>,
    now: Timestamp,
    line: &Line<'_>,
) -> Result<u64, StoreError> {
    let query = link
        .query(
            "INSERT INTO signalbus.trail (at, owner, actor, action, kind, target)
             VALUES ($1, $2, $3, $4, $5, $6) RETURNING number",
        )
        .bind(micros(now))
        .bind(line.owner.as_str())
        .bind(clean(line.actor))
        .bind(clean(line.action))
        .bind(line.kind.map(Kind::as_str))
        .bind(clean(line.target));
    let rows = link.rows(query).await?;
    let row = rows
        .first()
        .ok_or_else(|| error::corrupt("a line of the trail has no number"))?;
    Columns::of(row).number()
}

pub(super) async fn record(
    link: &mut Link<'_>,
    actor: &str,
    done: &Done,
) -> Result<u64, StoreError> {
    let now = link.now().await?;
    let line = Line {
        owner: &done.owner,
        actor,
        action: &done.action,
        kind: None,
        target: &done.target,
    };
    write(link, now, &line).await
}

pub(super) async fn trail(
    link: &mut Link<'_>,
    owner: &Owner,
    filter: &TrailFilter,
) -> Result<Vec<Trail>, StoreError> {
    let before = filter
        .before
        .map_or(i64::MAX, |number| i64::try_from(number).unwrap_or(i64::MAX));
    let query = link
        .query(
            "SELECT number, at, actor, action, kind, target FROM signalbus.trail
             WHERE owner = $1 AND number < $2
               AND actor = coalesce($3, actor) AND action = coalesce($4, action)
               AND at >= $6 AND at < $7
             ORDER BY number DESC LIMIT $5",
        )
        .bind(owner.as_str())
        .bind(before)
        .bind(clean_or_none(filter.actor.as_deref()))
        .bind(clean_or_none(filter.action.as_deref()))
        .bind(i64::from(filter.limit))
        .bind(filter.written_from.map_or(i64::MIN, micros))
        .bind(filter.written_before.map_or(i64::MAX, micros));
    let rows = link.rows(query).await?;
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
