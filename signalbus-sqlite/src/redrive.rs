//! New generations for deliveries that ended badly.

use std::{collections::HashMap, time::Duration};

use signalbus_core::{
    clock::{Timestamp, later},
    id::DeliveryId,
    store::{
        DeliveryFilter, Entry, Reason, Redrive, RedriveContent, Redriven, Selection, StoreError,
    },
};
use sqlx::{QueryBuilder, SqliteConnection};

use crate::{
    batch::{self, Bytes},
    codec::{Columns, micros},
    error, filter, history,
    order::{self, OrderKey},
    rendering,
    states::{READY, TIMED, state},
};

/// A delivery that can be redriven.
struct Candidate {
    position: i64,
    id: DeliveryId,
    generation: u32,
    key: OrderKey,
}

/// Starts new generations, or says what it would start.
pub(crate) async fn redrive(
    conn: &mut SqliteConnection,
    now: Timestamp,
    redrive: &Redrive,
) -> Result<Redriven, StoreError> {
    let (chosen, mut answer) = match &redrive.selection {
        Selection::Ids(ids) => named(conn, redrive, ids).await?,
        Selection::Filter(filter) => matching(conn, redrive, filter).await?,
        _ => {
            return Err(error::unsupported(
                "this version of signalbus-sqlite does not know the selection",
            ));
        }
    };
    answer.started = chosen
        .iter()
        .map(|candidate| (candidate.id, candidate.generation + 1))
        .collect();
    if !redrive.dry_run && !chosen.is_empty() {
        start(conn, now, redrive, &chosen).await?;
    }
    Ok(answer)
}

async fn named(
    conn: &mut SqliteConnection,
    redrive: &Redrive,
    ids: &[(DeliveryId, u32)],
) -> Result<(Vec<Candidate>, Redriven), StoreError> {
    let mut bytes = Bytes::default();
    let offsets: Vec<usize> = ids
        .iter()
        .map(|(id, _)| bytes.add(id.as_uuid().as_bytes()).0)
        .collect();
    let rows = sqlx::query(concat!(
        "SELECT d.position, d.id, d.generation, d.order_key, d.tenant
         FROM json_each(?1) AS j
         CROSS JOIN signalbus_delivery AS d ON d.id = substr(?2, j.value, 16)
         WHERE d.tenant = ?3 AND d.state >= ",
        state!(first_end),
        " AND d.state < ",
        state!(first_final),
        "
           AND d.channel IS NOT NULL AND d.generation < 4294967295"
    ))
    .bind(batch::rows(&offsets)?)
    .bind(bytes.into_vec())
    .bind(redrive.tenant.as_str())
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    let mut found: HashMap<DeliveryId, Candidate> = rows
        .iter()
        .map(|row| candidate(row).map(|candidate| (candidate.id, candidate)))
        .collect::<Result<_, StoreError>>()?;
    let limit = usize::try_from(redrive.limit).unwrap_or(usize::MAX);
    let mut chosen = Vec::new();
    let mut answer = Redriven::default();
    for (id, generation) in ids {
        let named = |candidate: &Candidate| candidate.generation == *generation;
        // Named in another generation first, it may still be named in its own.
        let named = found.get(id).is_some_and(named);
        match named.then(|| found.remove(id)).flatten() {
            Some(candidate) if chosen.len() < limit => chosen.push(candidate),
            Some(_) => answer.more = true,
            None => answer.skipped.push(*id),
        }
    }
    Ok((chosen, answer))
}

async fn matching(
    conn: &mut SqliteConnection,
    redrive: &Redrive,
    filter: &DeliveryFilter,
) -> Result<(Vec<Candidate>, Redriven), StoreError> {
    let filter = filter.clone().tenant(redrive.tenant.clone());
    let mut sql = QueryBuilder::new(concat!(
        "SELECT d.position, d.id, d.generation, d.order_key, d.tenant
         FROM signalbus_delivery AS d JOIN signalbus_event AS e ON e.event = d.event
         WHERE d.state >= ",
        state!(first_end),
        " AND d.state < ",
        state!(first_final),
        "
           AND d.channel IS NOT NULL AND d.generation < 4294967295"
    ));
    filter::push(&mut sql, &filter);
    if filter.reason.is_none() {
        sql.push(" AND d.reason IS NOT ");
        sql.push_bind(Reason::InvalidAddress.as_str().to_owned());
    }
    sql.push(" ORDER BY d.position LIMIT ");
    sql.push_bind(i64::from(redrive.limit) + 1);
    let rows = sql.build().fetch_all(conn).await.map_err(error::of)?;
    let mut chosen = rows
        .iter()
        .map(candidate)
        .collect::<Result<Vec<_>, StoreError>>()?;
    let limit = usize::try_from(redrive.limit).unwrap_or(usize::MAX);
    let more = chosen.len() > limit;
    chosen.truncate(limit);
    let answer = Redriven {
        more,
        ..Redriven::default()
    };
    Ok((chosen, answer))
}

fn candidate(row: &sqlx::sqlite::SqliteRow) -> Result<Candidate, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Candidate {
        position: columns.take()?,
        id: DeliveryId::from_uuid(columns.uuid()?),
        generation: columns.number()?,
        key: OrderKey(columns.take()?, columns.take()?),
    })
}

async fn start(
    conn: &mut SqliteConnection,
    now: Timestamp,
    redrive: &Redrive,
    chosen: &[Candidate],
) -> Result<(), StoreError> {
    let mut delay = Duration::ZERO;
    let mut rows = Vec::with_capacity(chosen.len());
    for candidate in chosen {
        let due = micros(later(now, delay));
        let state = if due > micros(now) { TIMED } else { READY };
        rows.push((candidate.position, due, state));
        delay = delay.saturating_add(redrive.spacing);
    }
    sqlx::query(
        "UPDATE signalbus_delivery AS d SET
             state = j.value ->> 2, due = j.value ->> 1, holds = d.order_mode > 0,
             retry = 0, generation = d.generation + 1,
             attempt = 0, tries = 0, memo = NULL, after = NULL, unless = NULL, waits_since = NULL,
             failures = 0, suspicion = 0, cancelled = 0,
             reason = NULL, ended_at = NULL, provider = NULL,
             message_id = NULL, message_hash = NULL, receipt = NULL, receipt_rank = 0,
             expires_at = coalesce(?2, d.expires_at)
         FROM jsonb_each(?1) AS j WHERE d.position = j.value ->> 0",
    )
    .bind(batch::rows(&rows)?)
    .bind(redrive.expires_at.map(micros))
    .execute(&mut *conn)
    .await
    .map_err(error::of)?;
    if redrive.content == RedriveContent::Fresh {
        let positions: Vec<i64> = chosen.iter().map(|candidate| candidate.position).collect();
        rendering::forget(conn, &positions).await?;
    }
    let entries: Vec<_> = chosen
        .iter()
        .map(|candidate| {
            let entry = Entry::Redriven {
                actor: redrive.actor.clone(),
                ended: candidate.generation,
                began: candidate.generation + 1,
            };
            (candidate.position, entry)
        })
        .collect();
    history::append(conn, now, &entries).await?;
    let keys: Vec<OrderKey> = chosen
        .iter()
        .map(|candidate| candidate.key.clone())
        .collect();
    order::hold_back_keys(conn, &keys).await
}
