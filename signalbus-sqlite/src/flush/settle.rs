//! What became of claimed deliveries.

use std::collections::{HashMap, HashSet};

use signalbus_core::{
    clock::{Timestamp, later},
    store::{
        AttemptOutcome, Effect, EndState, Entry, NewEvent, Next, Reason, Refund, Settle,
        SettleAnswer, StoreError, Suppression,
    },
};
use sqlx::SqliteConnection;

use super::Owned;
use crate::{
    accept,
    batch::{self, Bytes},
    codec::{Columns, message_hash, micros},
    error, history,
    order::{self, OrderKey},
    receipts, rendering, secret, siblings,
    states::{FIRST_END, READY, TIMED, end_code, state},
    suppress, takes,
};

/// A row as it was written.
struct Written {
    state: i64,
    order_mode: i64,
    order: OrderKey,
    rendered: bool,
    /// Its event, when that has a secret.
    secret: Option<i64>,
}

impl Written {
    fn has_ended(&self) -> bool {
        self.state >= FIRST_END
    }
}

pub(super) async fn settle(
    conn: &mut SqliteConnection,
    now: Timestamp,
    lanes: u16,
    owned: &Owned,
    settles: &[Settle],
) -> Result<Vec<SettleAnswer>, StoreError> {
    let ours: Vec<&Settle> = settles
        .iter()
        .filter(|settle| owned.contains_key(&settle.lane))
        .collect();
    let written = write(conn, now, &ours).await?;
    let mut applied: HashSet<i64> = HashSet::new();
    let mut done: Vec<(&Settle, &Written)> = Vec::with_capacity(written.len());
    let answers = settles
        .iter()
        .map(|settle| {
            if !owned.contains_key(&settle.lane) {
                return SettleAnswer::LaneLost;
            }
            match written.get(&key(settle)) {
                Some(row) if applied.insert(settle.position.0) => {
                    done.push((settle, row));
                    SettleAnswer::Applied
                }
                _ => SettleAnswer::Already,
            }
        })
        .collect();
    follow_up(conn, now, lanes, &done).await?;
    Ok(answers)
}

/// What tells an attempt apart.
type Key = (i64, uuid::Uuid, u32, u32);

fn key(settle: &Settle) -> Key {
    (
        settle.position.0,
        *settle.id.as_uuid(),
        settle.generation,
        settle.attempt,
    )
}

async fn write(
    conn: &mut SqliteConnection,
    now: Timestamp,
    settles: &[&Settle],
) -> Result<HashMap<Key, Written>, StoreError> {
    if settles.is_empty() {
        return Ok(HashMap::new());
    }
    let mut ids = Bytes::default();
    let rows: Vec<_> = settles
        .iter()
        .map(|settle| {
            let (id, _) = ids.add(settle.id.as_uuid().as_bytes());
            let (state, due, reason) = match &settle.next {
                Next::End(end, reason) => (end_code(*end), None, Some(reason)),
                Next::Retry(delay) => {
                    let due = micros(later(now, *delay));
                    (waiting(due, now), Some(due), None)
                }
                Next::Later { until, .. } => {
                    let due = micros(*until);
                    (waiting(due, now), Some(due), None)
                }
                _ => return Err(error::unsupported("what should come next is not known")),
            };
            let message_id = message_id(settle);
            let accepted = matches!(settle.record.outcome, AttemptOutcome::Accepted { .. });
            Ok((
                settle.position.0,
                id,
                settle.generation,
                settle.attempt,
                state,
                due,
                reason,
                settle.failures,
                settle.suspicion,
                accepted
                    .then_some(settle.record.provider.as_ref())
                    .flatten(),
                message_id,
                message_id.map(message_hash),
                settle.rendering.is_some(),
                settle.lane.get(),
                settle.tries,
                // A tuple of serde's has sixteen places.
                (
                    settle.memo.as_ref().map(|memo| ids.add(memo)),
                    matches!(settle.next, Next::Retry(_)).then_some(micros(now)),
                ),
            ))
        })
        .collect::<Result<Vec<_>, StoreError>>()?;
    let waits = settles
        .iter()
        .any(|settle| settle.memo.is_some() || matches!(settle.next, Next::Retry(_)));
    // Materialized, so that what is read of each result is read once and not wherever it is named.
    let rows = sqlx::query(concat!(
        "WITH s AS MATERIALIZED (
             SELECT c.position,
                      j.value ->> 4 AS asked,
                      CASE WHEN j.value ->> 4 < ",
        state!(first_end),
        " AND c.cancelled THEN ",
        state!(cancelled),
        "
                           WHEN j.value ->> 4 = ",
        state!(outcome_unknown),
        " AND c.receipt_rank >= 2 THEN ",
        state!(accepted),
        "
                           ELSE j.value ->> 4 END AS state,
                      j.value ->> 5 AS due, j.value ->> 6 AS reason,
                      j.value ->> 7 AS failures, j.value ->> 8 AS suspicion,
                      j.value ->> 9 AS provider, j.value ->> 10 AS message_id,
                      j.value ->> 11 AS message_hash, j.value ->> 12 AS rendered,
                      j.value ->> 14 AS tries,
                      CASE WHEN ?6 THEN substr(?2, j.value ->> '$[15][0][0]',
                                               j.value ->> '$[15][0][1]') END AS memo,
                      CASE WHEN ?6 THEN j.value ->> '$[15][1]' END AS waits_since
               FROM jsonb_each(?1) AS j
               CROSS JOIN signalbus_delivery AS c
                 ON c.position = j.value ->> 0
                AND c.id = substr(?2, j.value ->> 1, 16)
                AND c.generation = j.value ->> 2
                AND c.attempt = j.value ->> 3
                AND c.lane = j.value ->> 13
                AND c.state = ",
        state!(sending),
        ")
         UPDATE signalbus_delivery AS d SET
             state = s.state,
             holds = d.holds AND (s.state < ",
        state!(first_end),
        " OR s.state = ",
        state!(dead),
        "),
             reason = CASE WHEN s.state = s.asked OR s.state < ",
        state!(first_end),
        " THEN s.reason
                           WHEN s.state = ",
        state!(accepted),
        " THEN ?4 ELSE ?5 END,
             ended_at = CASE WHEN s.state >= ",
        state!(first_end),
        " THEN ?3 END,
             due = coalesce(s.due, d.due),
             waits_since = s.waits_since,
             tries = s.tries,
             retry = s.tries > 0,
             memo = s.memo,
             failures = s.failures,
             suspicion = s.suspicion,
             provider = s.provider,
             message_id = s.message_id,
             message_hash = s.message_hash,
             rendered = d.rendered OR s.rendered,
             claim_epoch = NULL, claimed_at = NULL, alone = NULL
         FROM s WHERE d.position = s.position
         RETURNING position, id, generation, attempt,
                   state, order_mode, order_key, tenant, rendered,
                   CASE WHEN event IN (SELECT event FROM signalbus_secret) THEN event END"
    ))
    .bind(batch::rows(&rows)?)
    .bind(ids.into_vec())
    .bind(micros(now))
    .bind(Reason::Receipt.as_str())
    .bind(Reason::Cancelled.as_str())
    .bind(waits)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let key = (
                columns.take()?,
                columns.uuid()?,
                columns.number()?,
                columns.number()?,
            );
            let written = Written {
                state: columns.take()?,
                order_mode: columns.take()?,
                order: OrderKey(columns.take()?, columns.take()?),
                rendered: columns.take()?,
                secret: columns.take_or_none()?,
            };
            Ok((key, written))
        })
        .collect()
}

fn waiting(due: i64, now: Timestamp) -> i64 {
    if due > micros(now) { TIMED } else { READY }
}

fn message_id(settle: &Settle) -> Option<&str> {
    match &settle.record.outcome {
        AttemptOutcome::Accepted { id } => id.as_deref(),
        _ => None,
    }
}

/// Everything that hangs on the results that were written.
async fn follow_up(
    conn: &mut SqliteConnection,
    now: Timestamp,
    lanes: u16,
    done: &[(&Settle, &Written)],
) -> Result<(), StoreError> {
    if done.is_empty() {
        return Ok(());
    }
    let mut entries = Vec::with_capacity(done.len());
    for (settle, row) in done {
        entries.push((settle.position.0, Entry::Attempt(settle.record.clone())));
        if let Some((state, reason)) = overruled(settle, row) {
            let detail = None;
            let entry = Entry::Ended {
                state,
                reason,
                detail,
            };
            entries.push((settle.position.0, entry));
        }
    }
    history::append(conn, now, &entries).await?;

    let suppressions: Vec<&Suppression> = done
        .iter()
        .flat_map(|(settle, _)| &settle.effects)
        .filter_map(|effect| match effect {
            Effect::Suppress(suppression) => Some(suppression),
            _ => None,
        })
        .collect();
    suppress::suppress(conn, now, &suppressions).await?;
    let results = done.iter().map(|(settle, _)| *settle);
    let refunds: Vec<Refund> = results
        .clone()
        .flat_map(|one| one.refunds.clone())
        .collect();
    takes::give_back(conn, &refunds).await?;
    let children = results.flat_map(|settle| &settle.effects);
    let children = children.filter_map(|effect| match effect {
        Effect::Accept(event) => Some(NewEvent::clone(event)),
        _ => None,
    });
    accept::accept(conn, now, lanes, &children.collect::<Vec<_>>()).await?;
    keep_renderings(conn, done).await?;

    let ended = done.iter().filter(|(_, row)| row.has_ended());
    let secrets: Vec<i64> = ended.filter_map(|(_, row)| row.secret).collect();
    secret::forget(conn, &secrets).await?;

    let settled: Vec<i64> = done.iter().map(|(settle, _)| settle.position.0).collect();
    receipts::apply_parked(conn, now, &settled).await?;

    let retried: Vec<i64> = done
        .iter()
        .filter(|(_, row)| !row.has_ended() && row.order_mode >= 2)
        .map(|(settle, _)| settle.position.0)
        .collect();
    order::hold_back(conn, &retried).await?;
    let ended: Vec<OrderKey> = done
        .iter()
        .filter(|(_, row)| row.has_ended() && row.order_mode >= 1)
        .map(|(_, row)| row.order.clone())
        .collect();
    order::let_go(conn, micros(now), &ended).await?;
    let over = done.iter().filter(|(_, row)| row.has_ended());
    let over = over.map(|(settle, _)| settle.position.0).collect();
    siblings::decide(conn, now, over, &settled).await
}

/// A message is kept until a provider took it.
async fn keep_renderings(
    conn: &mut SqliteConnection,
    done: &[(&Settle, &Written)],
) -> Result<(), StoreError> {
    let accepted = end_code(EndState::Accepted);
    let (mut kept, mut dropped) = (Vec::new(), Vec::new());
    for (settle, row) in done {
        if row.state == accepted {
            if row.rendered {
                dropped.push(settle.position.0);
            }
        } else if let Some(body) = &settle.rendering {
            kept.push((settle.position.0, body.as_ref()));
        }
    }
    rendering::keep(conn, &kept).await?;
    rendering::forget(conn, &dropped).await
}

/// How it ended, when it ended otherwise than the worker meant.
fn overruled(settle: &Settle, row: &Written) -> Option<(EndState, Reason)> {
    match settle.next {
        Next::Retry(_) | Next::Later { .. } if row.has_ended() => {
            Some((EndState::Cancelled, Reason::Cancelled))
        }
        Next::End(EndState::OutcomeUnknown, _) if row.state == end_code(EndState::Accepted) => {
            Some((EndState::Accepted, Reason::Receipt))
        }
        _ => None,
    }
}
