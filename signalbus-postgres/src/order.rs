//! Strict order. Of the deliveries with one order key, those that must wait for an earlier one are
//! kept `behind`, out of the way of reading; when one ends, the next is `unplaced` until the owner
//! of the lane looks whether something else holds it back.
//!
//! Accepting a strict delivery leaves it unplaced too, and so locks nothing in the transaction of
//! a host. Two transactions that run at the same time may each believe that the other's delivery
//! holds the next one back; the sweep of the owner finds what nothing holds any more.

use signalbus_core::{clock::Timestamp, store::StoreError};

use crate::{codec::micros, database::Link};

/// Deliveries with the same key are ordered among themselves.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct OrderKey(pub(crate) i64, pub(crate) String);

/// Whether an earlier delivery holds `d` back.
macro_rules! held_back {
    () => {
        "EXISTS (SELECT 1 FROM signalbus.delivery AS e
                 WHERE e.holds AND e.order_key = d.order_key AND e.tenant = d.tenant
                   AND e.position < d.position AND (e.state < 10 OR d.order_mode = 3))"
    };
}

/// Where a delivery goes that nothing holds back; the time is `$now`.
macro_rules! due_or_timed {
    ($now:literal) => {
        concat!(
            "CASE WHEN d.due <= ",
            $now,
            " OR (d.due = d.accepted_at AND d.attempt = 0 AND d.generation = 0)
                  THEN 0 ELSE 1 END"
        )
    };
}

/// The most that is placed at once.
const AT_ONCE: i64 = 5_000;

/// Places what is unplaced in these lanes.
pub(crate) async fn place(
    link: &mut Link<'_>,
    now: Timestamp,
    lanes: &[i64],
) -> Result<(), StoreError> {
    let query = link
        .query(concat!(
            "UPDATE signalbus.delivery AS d SET state = CASE WHEN ",
            held_back!(),
            " THEN 3 ELSE ",
            due_or_timed!("$2"),
            " END
             WHERE d.state = 4 AND d.position IN (
                 SELECT u.position FROM unnest($1::bigint[]) AS l (lane)
                 JOIN signalbus.delivery AS u ON u.state = 4 AND u.lane = l.lane
                 LIMIT $3)"
        ))
        .bind(lanes)
        .bind(micros(now))
        .bind(AT_ONCE);
    link.run(query).await.map(drop)
}

/// Places these deliveries as far as nothing holds them back and their time has come.
pub(crate) async fn free(
    link: &mut Link<'_>,
    now: Timestamp,
    positions: &[i64],
) -> Result<(), StoreError> {
    let query = link
        .query(concat!(
            "UPDATE signalbus.delivery AS d SET state = ",
            due_or_timed!("$2"),
            " WHERE d.position = ANY($1) AND d.state IN (3, 4) AND NOT ",
            held_back!()
        ))
        .bind(positions)
        .bind(micros(now));
    link.run(query).await.map(drop)
}

/// The next of each of these keys is to be placed: something that held it back is gone.
pub(crate) async fn wake(link: &mut Link<'_>, keys: &[OrderKey]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let (order_keys, tenants): (Vec<i64>, Vec<&str>) = columns(keys);
    let query = link
        .query(
            "UPDATE signalbus.delivery SET state = 4
             WHERE state = 3 AND position IN (
                 SELECT (SELECT b.position FROM signalbus.delivery AS b
                         WHERE b.state = 3 AND b.order_key = k.order_key AND b.tenant = k.tenant
                         ORDER BY b.position LIMIT 1)
                 FROM unnest($1::bigint[], $2::text[]) AS k (order_key, tenant))",
        )
        .bind(order_keys)
        .bind(tenants);
    link.run(query).await.map(drop)
}

/// Puts those `behind` that wait or are ready under these keys and have an earlier one in front.
pub(crate) async fn hold_back(link: &mut Link<'_>, keys: &[OrderKey]) -> Result<(), StoreError> {
    if keys.is_empty() {
        return Ok(());
    }
    let (order_keys, tenants): (Vec<i64>, Vec<&str>) = columns(keys);
    let query = link
        .query(concat!(
            "UPDATE signalbus.delivery AS d SET state = 3
             WHERE d.state IN (0, 1) AND d.order_mode >= 2 AND ",
            held_back!(),
            " AND d.position IN (
                 SELECT b.position FROM unnest($1::bigint[], $2::text[]) AS k (order_key, tenant)
                 JOIN signalbus.delivery AS b
                   ON b.holds AND b.order_key = k.order_key AND b.tenant = k.tenant)"
        ))
        .bind(order_keys)
        .bind(tenants);
    link.run(query).await.map(drop)
}

/// Finds the first of each key that is behind although nothing holds it back any more.
pub(crate) async fn sweep(link: &mut Link<'_>) -> Result<(), StoreError> {
    let query = link.query(concat!(
        "WITH RECURSIVE first AS (
             (SELECT order_key, tenant, position FROM signalbus.delivery WHERE state = 3
              ORDER BY order_key, tenant, position LIMIT 1)
             UNION ALL
             SELECT n.* FROM first AS f CROSS JOIN LATERAL (
                 SELECT b.order_key, b.tenant, b.position FROM signalbus.delivery AS b
                 WHERE b.state = 3 AND (b.order_key, b.tenant) > (f.order_key, f.tenant)
                 ORDER BY b.order_key, b.tenant, b.position LIMIT 1) AS n)
         UPDATE signalbus.delivery AS d SET state = 4
         WHERE d.state = 3 AND d.position IN (SELECT position FROM first) AND NOT ",
        held_back!()
    ));
    link.run(query).await.map(drop)
}

fn columns(keys: &[OrderKey]) -> (Vec<i64>, Vec<&str>) {
    keys.iter()
        .map(|OrderKey(key, tenant)| (*key, tenant.as_str()))
        .unzip()
}
