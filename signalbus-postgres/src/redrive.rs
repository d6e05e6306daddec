//! New generations for deliveries that ended badly.

use std::{collections::HashMap, time::Duration};

use signalbus_core::{
    clock::{Timestamp, later},
    id::DeliveryId,
    store::{
        DeliveryFilter, Entry, Reason, Redrive, RedriveContent, Redriven, Selection, StoreError,
    },
};
use sqlx::{QueryBuilder, postgres::PgRow};

use crate::{
    codec::{Columns, READY, TIMED, micros},
    database::Link,
    error, filter, history,
    order::{self, OrderKey},
    rendering, secret,
};

/// A delivery that can be redriven.
struct Candidate {
    position: i64,
    id: DeliveryId,
    generation: u32,
    key: OrderKey,
}

/// What can be redriven at all.
macro_rules! redrivable {
    () => {
        "d.state >= 10 AND d.state < 20 AND d.channel IS NOT NULL AND d.generation < 2147483647"
    };
}

/// Starts new generations, or says what it would start.
pub(crate) async fn redrive(
    link: &mut Link<'_>,
    now: Timestamp,
    redrive: &Redrive,
) -> Result<Redriven, StoreError> {
    let (chosen, mut answer) = match &redrive.selection {
        Selection::Ids(ids) => named(link, redrive, ids).await?,
        Selection::Filter(filter) => matching(link, redrive, filter).await?,
        _ => {
            return Err(error::unsupported(
                "this version of signalbus-postgres does not know the selection",
            ));
        }
    };
    answer.started = chosen
        .iter()
        .map(|candidate| (candidate.id, candidate.generation + 1))
        .collect();
    if !redrive.dry_run && !chosen.is_empty() {
        start(link, now, redrive, &chosen).await?;
    }
    Ok(answer)
}

async fn named(
    link: &mut Link<'_>,
    redrive: &Redrive,
    ids: &[(DeliveryId, u32)],
) -> Result<(Vec<Candidate>, Redriven), StoreError> {
    let asked: Vec<uuid::Uuid> = ids.iter().map(|(id, _)| *id.as_uuid()).collect();
    let query = link
        .query(concat!(
            "SELECT d.position, d.id, d.generation, d.order_key, d.tenant
             FROM signalbus.delivery AS d
             WHERE d.id = ANY($1) AND d.tenant = $2 AND ",
            redrivable!(),
            " ORDER BY d.position FOR UPDATE"
        ))
        .bind(asked)
        .bind(redrive.tenant.as_str());
    let rows = link.rows(query).await?;
    let mut found: HashMap<DeliveryId, Candidate> = rows
        .iter()
        .map(|row| candidate(row).map(|candidate| (candidate.id, candidate)))
        .collect::<Result<_, StoreError>>()?;
    let limit = usize::try_from(redrive.limit).unwrap_or(usize::MAX);
    let mut chosen = Vec::new();
    let mut answer = Redriven::default();
    for (id, generation) in ids {
        let named = found
            .get(id)
            .is_some_and(|candidate| candidate.generation == *generation);
        if !named {
            answer.skipped.push(*id);
        } else if chosen.len() < limit {
            chosen.extend(found.remove(id));
        } else {
            answer.more = true;
        }
    }
    Ok((chosen, answer))
}

async fn matching(
    link: &mut Link<'_>,
    redrive: &Redrive,
    filter: &DeliveryFilter,
) -> Result<(Vec<Candidate>, Redriven), StoreError> {
    let filter = filter.clone().tenant(redrive.tenant.clone());
    let mut sql = QueryBuilder::new(link.dialect.text(concat!(
        "SELECT d.position, d.id, d.generation, d.order_key, d.tenant
         FROM signalbus.delivery AS d JOIN signalbus.event AS e ON e.id = d.event
         WHERE ",
        redrivable!(),
    )));
    filter::push(&mut sql, &filter, link.dialect);
    if filter.reason.is_none() {
        sql.push(" AND d.reason IS DISTINCT FROM ");
        sql.push_bind(Reason::InvalidAddress.as_str().to_owned());
    }
    sql.push(" ORDER BY d.position LIMIT ");
    sql.push_bind(i64::from(redrive.limit) + 1);
    sql.push(" FOR UPDATE OF d");
    let query = link.dialect.persist(sql.build());
    let rows = link.rows(query).await?;
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

fn candidate(row: &PgRow) -> Result<Candidate, StoreError> {
    let mut columns = Columns::of(row);
    Ok(Candidate {
        position: columns.int()?,
        id: DeliveryId::from_uuid(columns.uuid()?),
        generation: columns.number()?,
        key: OrderKey(columns.int()?, columns.take()?),
    })
}

async fn start(
    link: &mut Link<'_>,
    now: Timestamp,
    redrive: &Redrive,
    chosen: &[Candidate],
) -> Result<(), StoreError> {
    let mut delay = Duration::ZERO;
    let (mut positions, mut dues, mut states) = (Vec::new(), Vec::new(), Vec::new());
    for candidate in chosen {
        let due = micros(later(now, delay));
        let state = if due > micros(now) { TIMED } else { READY };
        positions.push(candidate.position);
        dues.push(due);
        states.push(i16::try_from(state).unwrap_or_default());
        delay = delay.saturating_add(redrive.spacing);
    }
    let query = link
        .query(
            "UPDATE signalbus.delivery AS d SET
                 state = CASE WHEN d.order_mode >= 2 THEN 4 ELSE a.state END,
                 due = a.due, holds = d.order_mode > 0,
                 tried = false, generation = d.generation + 1,
                 attempt = 0, tries = 0, memo = NULL, after = NULL, unless = NULL,
                 waits_since = NULL, failures = 0, suspicion = 0, cancelled = false,
                 reason = NULL, ended_at = NULL, provider = NULL,
                 message_id = NULL, message_hash = NULL, receipt = NULL, receipt_rank = 0,
                 expires_at = coalesce($4, d.expires_at)
             FROM unnest($1::bigint[], $2::bigint[], $3::smallint[]) AS a (position, due, state)
             WHERE d.position = ANY (ARRAY[a.position])",
        )
        .bind(&positions)
        .bind(dues)
        .bind(states)
        .bind(redrive.expires_at.map(micros));
    link.run(query).await?;
    secret::renew(link, &positions).await?;
    if redrive.content == RedriveContent::Fresh {
        rendering::forget(link, &positions).await?;
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
    history::append(link, now, &entries).await?;
    let keys: Vec<OrderKey> = chosen
        .iter()
        .map(|candidate| candidate.key.clone())
        .collect();
    order::hold_back(link, &keys).await
}
