//! Counters that claims take from, and results give back to.

use std::collections::HashSet;

use signalbus_core::{
    clock::Timestamp,
    store::{
        Claim, ClaimAnswer, CounterKey, Counters, Entry, Refund, StoreError, Why, refund, take_all,
    },
};
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    codec::{Columns, column, micros},
    error, history, order,
    states::{READY, TIMED, state},
};

/// Those of these claims that were written before, so that they take nothing again.
pub(crate) async fn repeated(
    conn: &mut SqliteConnection,
    claims: &[Claim],
) -> Result<HashSet<i64>, StoreError> {
    let taking = claims.iter().filter(|claim| !claim.takes.is_empty());
    let rows: Vec<_> = taking
        .map(|claim| (claim.position.0, claim.attempt, column(claim.lane)))
        .collect();
    if rows.is_empty() {
        return Ok(HashSet::new());
    }
    let found: Vec<i64> = sqlx::query_scalar(concat!(
        "SELECT d.position FROM jsonb_each(?1) AS j
         CROSS JOIN signalbus_delivery AS d
           ON d.position = j.value ->> 0 AND d.attempt = j.value ->> 1
          AND d.lane = j.value ->> 2 AND d.state = ",
        state!(sending)
    ))
    .bind(batch::rows(&rows)?)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    Ok(found.into_iter().collect())
}

/// Takes what was claimed just now, one after the other, and puts off what does not get it.
pub(crate) async fn take(
    conn: &mut SqliteConnection,
    now: Timestamp,
    claims: &[Claim],
    answers: &mut [ClaimAnswer],
    repeated: &HashSet<i64>,
) -> Result<(), StoreError> {
    let taking = |claim: &Claim| !claim.takes.is_empty() && !repeated.contains(&claim.position.0);
    let takes = claims.iter().filter(|claim| taking(claim));
    let keys: Vec<CounterKey> = takes
        .flat_map(|claim| claim.takes.iter().map(|take| take.counter))
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    let mut counters = read(conn, &keys).await?;
    let mut late = Vec::new();
    for (claim, answer) in claims.iter().zip(answers) {
        if matches!(answer, ClaimAnswer::Claimed(_))
            && taking(claim)
            && let Err(until) = take_all(&mut counters, &claim.takes, now)
        {
            *answer = ClaimAnswer::Later { until };
            late.push((claim.position.0, until));
        }
    }
    write(conn, &counters).await?;
    put_off(conn, now, &late).await
}

pub(crate) async fn give_back(
    conn: &mut SqliteConnection,
    refunds: &[Refund],
) -> Result<(), StoreError> {
    if refunds.is_empty() {
        return Ok(());
    }
    let keys: Vec<CounterKey> = refunds.iter().map(|one| one.counter).collect();
    let mut counters = read(conn, &keys).await?;
    for one in refunds {
        refund(&mut counters, one);
    }
    write(conn, &counters).await
}

/// Whether there is something for [`purge`].
pub(crate) async fn any_to_purge(
    conn: &mut SqliteConnection,
    now: Timestamp,
) -> Result<bool, StoreError> {
    sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM signalbus_counter WHERE until <= ?1)")
        .bind(micros(now))
        .fetch_one(conn)
        .await
        .map_err(error::of)
}

/// Forgets those whose time has passed.
pub(crate) async fn purge(conn: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM signalbus_counter WHERE until <= ?1")
        .bind(micros(now))
        .execute(conn)
        .await
        .map_err(error::of)?;
    Ok(())
}

async fn read(conn: &mut SqliteConnection, keys: &[CounterKey]) -> Result<Counters, StoreError> {
    let mut bytes = Bytes::default();
    let places: Vec<usize> = keys.iter().map(|key| bytes.add(&key.0).0).collect();
    let rows = sqlx::query(
        "SELECT key, used, until FROM signalbus_counter
         WHERE key IN (SELECT substr(?2, value, 16) FROM json_each(?1))",
    )
    .bind(batch::rows(&places)?)
    .bind(bytes.into_vec())
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    let rows = rows.iter().map(|row| {
        let mut columns = Columns::of(row);
        let key = columns.bytes_or_none()?;
        let key = key.ok_or_else(|| error::corrupt("a counter has no key"))?;
        Ok((CounterKey(key), (columns.number()?, columns.time()?)))
    });
    rows.collect()
}

async fn write(conn: &mut SqliteConnection, counters: &Counters) -> Result<(), StoreError> {
    let mut bytes = Bytes::default();
    let rows: Vec<_> = counters
        .iter()
        .map(|(key, (used, until))| {
            let used = i64::try_from(*used).unwrap_or(i64::MAX);
            (bytes.add(&key.0).0, used, micros(*until))
        })
        .collect();
    sqlx::query(
        "INSERT INTO signalbus_counter (key, used, until)
         SELECT substr(?2, value ->> 0, 16), value ->> 1, value ->> 2 FROM jsonb_each(?1) WHERE true
         ON CONFLICT (key) DO UPDATE SET used = excluded.used, until = excluded.until",
    )
    .bind(batch::rows(&rows)?)
    .bind(bytes.into_vec())
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

async fn put_off(
    conn: &mut SqliteConnection,
    now: Timestamp,
    late: &[(i64, Timestamp)],
) -> Result<(), StoreError> {
    if late.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = late
        .iter()
        .map(|(position, until)| {
            let waits = if *until > now { TIMED } else { READY };
            (*position, waits, micros(*until))
        })
        .collect();
    let strict: Vec<i64> = sqlx::query_scalar(
        "UPDATE signalbus_delivery AS d SET state = s.state, due = s.due, waits_since = NULL,
             claim_epoch = NULL, claimed_at = NULL, alone = NULL
         FROM (SELECT value ->> 0 AS position, value ->> 1 AS state, value ->> 2 AS due
               FROM jsonb_each(?1)) AS s
         WHERE d.position = s.position
         RETURNING CASE WHEN order_mode >= 2 THEN position ELSE 0 END",
    )
    .bind(batch::rows(&rows)?)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    let strict: Vec<i64> = strict
        .into_iter()
        .filter(|position| *position > 0)
        .collect();
    order::hold_back(conn, &strict).await?;
    let entries = late.iter().map(|(position, until)| {
        let (until, why) = (*until, Why::Capped);
        (*position, Entry::PutOff { until, why })
    });
    history::append(conn, now, &entries.collect::<Vec<_>>()).await
}
