//! Counters that claims take from, and results give back to.

use std::collections::{BTreeSet, HashSet};

use signalbus_core::{
    clock::Timestamp,
    store::{
        Claim, CounterKey, Counters, Entry, Refund, Settle, StoreError, Why, refund, take_all,
    },
};

use crate::{
    codec::{Columns, lane_column, micros},
    database::Link,
    error, history,
};

/// The counters that a transaction has locked.
#[derive(Debug, Default)]
pub(crate) struct Locked {
    counters: Counters,
    /// Claims that were written before, so that they take nothing again.
    repeated: HashSet<i64>,
}

/// Locks all that these claims and results may touch, in the order of the keys.
pub(crate) async fn lock(
    link: &mut Link<'_>,
    claims: &[Claim],
    settles: &[Settle],
) -> Result<Locked, StoreError> {
    let taking = claims.iter().flat_map(|claim| &claim.takes);
    let back = settles.iter().flat_map(|settle| &settle.refunds);
    let made: BTreeSet<CounterKey> = taking.map(|take| take.counter).collect();
    let mut keys: BTreeSet<CounterKey> = back.map(|refund| refund.counter).collect();
    keys.extend(&made);
    if keys.is_empty() {
        return Ok(Locked::default());
    }
    let wanted: Vec<&[u8]> = made.iter().map(|key| key.0.as_slice()).collect();
    // A row to lock, for what nobody took from before.
    let query = link
        .query(
            "INSERT INTO signalbus.counter (key, used, until)
             SELECT key, 0, 0 FROM unnest($1::bytea[]) AS k (key) ORDER BY key
             ON CONFLICT DO NOTHING",
        )
        .bind(wanted);
    link.run(query).await?;
    let wanted: Vec<&[u8]> = keys.iter().map(|key| key.0.as_slice()).collect();
    let query = link
        .query(
            "SELECT key, used, until FROM signalbus.counter WHERE key = ANY ($1::bytea[])
             ORDER BY key FOR UPDATE",
        )
        .bind(wanted);
    let mut counters = Counters::new();
    for row in link.rows(query).await? {
        let mut columns = Columns::of(&row);
        let key = columns.bytes_or_none()?;
        let key = key.ok_or_else(|| error::corrupt("a counter has no key"))?;
        counters.insert(CounterKey(key), (columns.number()?, columns.time()?));
    }
    let repeated = repeated(link, claims).await?;
    Ok(Locked { counters, repeated })
}

async fn repeated(link: &mut Link<'_>, claims: &[Claim]) -> Result<HashSet<i64>, StoreError> {
    let taking = claims.iter().filter(|claim| !claim.takes.is_empty());
    let taking: Vec<&Claim> = taking.collect();
    if taking.is_empty() {
        return Ok(HashSet::new());
    }
    let column = |of: fn(&Claim) -> i64| taking.iter().map(|claim| of(claim)).collect::<Vec<_>>();
    let query = link
        .query(
            "SELECT d.position
             FROM unnest($1::bigint[], $2::bigint[], $3::bigint[]) AS c (position, attempt, lane)
             JOIN signalbus.delivery AS d ON d.position = ANY (ARRAY[c.position])
             WHERE (d.attempt = c.attempt AND d.lane = c.lane AND d.state = 2) IS TRUE",
        )
        .bind(column(|claim| claim.position.0))
        .bind(column(|claim| i64::from(claim.attempt)))
        .bind(column(|claim| lane_column(claim.lane)));
    let rows = link.rows(query).await?;
    rows.iter().map(|row| Columns::of(row).int()).collect()
}

impl Locked {
    /// Takes what a claim that was written takes; until when it has to wait for what is too little.
    pub(crate) fn take(&mut self, claim: &Claim, now: Timestamp) -> Result<(), Timestamp> {
        if self.repeated.contains(&claim.position.0) {
            return Ok(());
        }
        take_all(&mut self.counters, &claim.takes, now)
    }

    pub(crate) fn give_back(&mut self, refunds: &[Refund]) {
        for one in refunds {
            refund(&mut self.counters, one);
        }
    }

    /// Writes what became of them.
    pub(crate) async fn write(self, link: &mut Link<'_>) -> Result<(), StoreError> {
        if self.counters.is_empty() {
            return Ok(());
        }
        let (mut keys, mut used, mut until) = (Vec::new(), Vec::new(), Vec::new());
        for (key, (amount, time)) in &self.counters {
            keys.push(key.0.as_slice());
            used.push(i64::try_from(*amount).unwrap_or(i64::MAX));
            until.push(micros(*time));
        }
        let query = link
            .query(
                "UPDATE signalbus.counter AS c SET used = n.used, until = n.until
                 FROM unnest($1::bytea[], $2::bigint[], $3::bigint[]) AS n (key, used, until)
                 WHERE c.key = ANY (ARRAY[n.key]) AND (c.used, c.until) <> (n.used, n.until)",
            )
            .bind(keys)
            .bind(used)
            .bind(until);
        link.run(query).await?;
        Ok(())
    }
}

/// Puts off what was claimed in this transaction and did not get what it takes.
pub(crate) async fn put_off(
    link: &mut Link<'_>,
    now: Timestamp,
    late: &[(i64, Timestamp)],
) -> Result<(), StoreError> {
    if late.is_empty() {
        return Ok(());
    }
    let positions: Vec<i64> = late.iter().map(|(position, _)| *position).collect();
    let due: Vec<i64> = late.iter().map(|(_, until)| micros(*until)).collect();
    let query = link
        .query(
            "UPDATE signalbus.delivery AS d SET
                 state = CASE WHEN d.order_mode >= 2 THEN 4 WHEN c.due > $3 THEN 1 ELSE 0 END,
                 due = c.due, waits_since = NULL,
                 claim_epoch = NULL, claimed_at = NULL, alone = NULL
             FROM unnest($1::bigint[], $2::bigint[]) AS c (position, due)
             WHERE d.position = ANY (ARRAY[c.position]) AND (d.state = 2) IS TRUE",
        )
        .bind(positions)
        .bind(due)
        .bind(micros(now));
    link.run(query).await?;
    let entries = late.iter().map(|(position, until)| {
        let (until, why) = (*until, Why::Capped);
        (*position, Entry::PutOff { until, why })
    });
    history::append(link, now, &entries.collect::<Vec<_>>()).await
}

/// Forgets those whose time has passed.
pub(crate) async fn purge(link: &mut Link<'_>, now: Timestamp) -> Result<(), StoreError> {
    let query = link
        .query(
            "DELETE FROM signalbus.counter WHERE key IN (
                 SELECT key FROM signalbus.counter WHERE until <= $1
                 ORDER BY key FOR UPDATE SKIP LOCKED)",
        )
        .bind(micros(now));
    link.run(query).await?;
    Ok(())
}
