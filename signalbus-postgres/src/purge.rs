//! Forgetting what ended long ago.

use signalbus_core::{
    clock::Timestamp,
    event::Class,
    store::{EndState, Retention, State, StoreError},
};
use uuid::Uuid;

use crate::{
    codec::{Columns, MONTH, MONTHS, class_code, class_of, end_code, micros, state_of},
    database::Link,
    order::{self, OrderKey},
    receipts, takes,
};

/// Before which time a delivery must have ended, by how it did and by class.
#[derive(Default)]
struct Cutoffs {
    states: Vec<i16>,
    classes: Vec<i16>,
    before: Vec<i64>,
}

impl Cutoffs {
    fn of(retention: &Retention, now: Timestamp) -> Self {
        let small = |code| i16::try_from(code).unwrap_or_default();
        let mut columns = Self::default();
        for end in EndState::ALL {
            for class in Class::ALL {
                columns.states.push(small(end_code(end)));
                columns.classes.push(small(class_code(class)));
                columns
                    .before
                    .push(micros(retention.before(end, class, now)));
            }
        }
        columns
    }
}

/// Deletes whole events, oldest first, with all that belongs to them; in a transaction.
pub(crate) async fn purge(
    link: &mut Link<'_>,
    now: Timestamp,
    retention: &Retention,
) -> Result<u64, StoreError> {
    receipts::forget_parked(link, now).await?;
    takes::purge(link, now).await?;
    let cutoffs = Cutoffs::of(retention, now);
    let query = link
        .query(
            "SELECT e.id FROM signalbus.event AS e
             WHERE e.accepted_at < $1 AND NOT EXISTS (
                 SELECT 1 FROM signalbus.delivery AS d
                 WHERE d.position BETWEEN e.first_position AND e.last_position
                   AND d.event = e.id
                   AND (d.ended_at < (
                       SELECT k.before
                       FROM unnest($3::smallint[], $4::smallint[], $5::bigint[])
                           AS k (state, class, before)
                       WHERE k.state = d.state AND k.class = d.class)) IS NOT TRUE)
             ORDER BY e.accepted_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        )
        .bind(micros(retention.accepted_before(now)))
        .bind(i64::from(retention.most()))
        .bind(cutoffs.states)
        .bind(cutoffs.classes)
        .bind(cutoffs.before);
    let rows = link.rows(query).await?;
    let events = rows.iter().map(|row| Columns::of(row).uuid());
    let events = events.collect::<Result<Vec<_>, _>>()?;
    if events.is_empty() {
        return Ok(0);
    }
    let events = still_ended(link, now, retention, events).await?;
    delete(link, &events).await
}

/// Locks the deliveries, and leaves out events of which one was redriven meanwhile.
async fn still_ended(
    link: &mut Link<'_>,
    now: Timestamp,
    retention: &Retention,
    events: Vec<Uuid>,
) -> Result<Vec<Uuid>, StoreError> {
    let query = link
        .query(
            "SELECT d.event, d.state, d.class, d.ended_at FROM signalbus.event AS e
             JOIN signalbus.delivery AS d
               ON d.position BETWEEN e.first_position AND e.last_position AND d.event = e.id
             WHERE e.id = ANY($1) ORDER BY d.position FOR UPDATE OF d",
        )
        .bind(&events);
    let rows = link.rows(query).await?;
    let mut open = Vec::new();
    for row in &rows {
        let mut columns = Columns::of(row);
        let event = columns.uuid()?;
        let (state, class) = (state_of(columns.int()?), class_of(columns.int()?)?);
        let may_go = match (state, columns.time_or_none()?) {
            (State::Ended(end), Some(at)) => at < retention.before(end, class, now),
            _ => false,
        };
        if !may_go {
            open.push(event);
        }
    }
    let ended = events.into_iter().filter(|event| !open.contains(event));
    Ok(ended.collect())
}

async fn delete(link: &mut Link<'_>, events: &[Uuid]) -> Result<u64, StoreError> {
    let query = link
        .query(
            "WITH gone AS (
                 DELETE FROM signalbus.delivery AS d USING signalbus.event AS e
                 WHERE e.id = ANY($1) AND d.event = e.id
                   AND d.position BETWEEN e.first_position AND e.last_position
                 RETURNING d.position, d.holds, d.order_key, d.tenant),
             renderings AS (
                 DELETE FROM signalbus.rendering WHERE position IN (SELECT position FROM gone)),
             receipts AS (
                 DELETE FROM signalbus.receipt WHERE position IN (SELECT position FROM gone)),
             files AS (DELETE FROM signalbus.attachment WHERE event = ANY($1)),
             recipients AS (DELETE FROM signalbus.recipient WHERE event = ANY($1)),
             secrets AS (DELETE FROM signalbus.secret WHERE event = ANY($1)),
             keys AS (DELETE FROM signalbus.key WHERE event = ANY($1))
             SELECT order_key, tenant FROM gone WHERE holds",
        )
        .bind(events);
    let rows = link.rows(query).await?;
    let keys = rows.iter().map(|row| {
        let mut columns = Columns::of(row);
        Ok::<_, StoreError>(OrderKey(columns.int()?, columns.take()?))
    });
    let keys = keys.collect::<Result<Vec<_>, _>>()?;
    let query = link
        .query("DELETE FROM signalbus.event WHERE id = ANY($1)")
        .bind(events);
    let gone = link.run(query).await?;
    order::wake(link, &keys).await?;
    Ok(gone)
}

/// Empties the tables of the ring of histories of whose month nothing is left; gives up at once
/// where somebody reads or writes one. In a transaction of its own.
pub(crate) async fn empty_months(link: &mut Link<'_>) -> Result<(), StoreError> {
    let now = micros(link.now().await?);
    let rows = link
        .rows(link.query("SELECT min(accepted_at) FROM signalbus.event"))
        .await?;
    let oldest = rows.first().map(|row| Columns::of(row).int_or_none());
    let oldest = oldest.transpose()?.flatten().unwrap_or(now);
    for month in free_months(oldest, now) {
        let index = usize::try_from(month).unwrap_or_default();
        let query = link.query("SET LOCAL lock_timeout = '50ms'");
        link.run(query).await?;
        let used = link.query(USED[index]);
        if link.rows(used).await?.is_empty() {
            continue;
        }
        let query = link.query(EMPTY[index]);
        link.run(query).await?;
    }
    Ok(())
}

/// The tables that no event between these times has, nor one that is accepted now by a transaction
/// that began a month ago.
fn free_months(oldest: i64, now: i64) -> Vec<i64> {
    let first = oldest.min(now - MONTH).div_euclid(MONTH);
    let last = (now + MONTH).div_euclid(MONTH);
    (0..MONTHS)
        .filter(|month| {
            last - first < MONTHS
                && !(first..=last).any(|used| (used * MONTH).abs() / MONTH % MONTHS == *month)
        })
        .collect()
}

macro_rules! months {
    ($before:literal, $after:literal) => {
        [
            concat!($before, "00", $after),
            concat!($before, "01", $after),
            concat!($before, "02", $after),
            concat!($before, "03", $after),
            concat!($before, "04", $after),
            concat!($before, "05", $after),
            concat!($before, "06", $after),
            concat!($before, "07", $after),
            concat!($before, "08", $after),
            concat!($before, "09", $after),
            concat!($before, "10", $after),
            concat!($before, "11", $after),
        ]
    };
}

const USED: [&str; 12] = months!("SELECT 1 FROM signalbus.history_", " LIMIT 1");
const EMPTY: [&str; 12] = months!("TRUNCATE signalbus.history_", "");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_month_is_emptied_that_an_event_has() {
        let now = 680 * MONTH + 5;
        for age in 0..14 {
            let oldest = now - age * MONTH;
            let free = free_months(oldest, now);
            for used in (oldest / MONTH)..=(now / MONTH) {
                assert!(!free.contains(&(used % MONTHS)), "{age}: {free:?}");
            }
        }
        assert_eq!(free_months(now, now).len(), 9);
    }
}
