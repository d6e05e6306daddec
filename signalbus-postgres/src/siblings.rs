//! Deliveries that wait for another one of their event.

use signalbus_core::{
    clock::Timestamp,
    store::{EndState, Entry, Reason, StoreError},
};

use crate::{
    codec::{Columns, micros},
    database::Link,
    history,
    order::{self, OrderKey},
    secret,
};

/// Whether the delivery `$s` has reached its recipient, for the delivery `$w` that waits for it: as
/// [`After::verdict`](signalbus_core::store::After::verdict) says, and so is [`failed`].
macro_rules! reached {
    ($s:literal, $w:literal) => {
        concat!(
            "(",
            $s,
            ".receipt_rank <> 4 AND (",
            $s,
            ".receipt_rank >= ",
            $w,
            ".unless OR (",
            $s,
            ".state = 20 AND ",
            $w,
            ".unless <= 2)) OR (",
            $s,
            ".state = 22 AND ",
            $s,
            ".reason = 'reached'))"
        )
    };
}

/// Whether the delivery `$s` has ended, or bounced, without reaching its recipient.
macro_rules! failed {
    ($s:literal) => {
        concat!(
            "(",
            $s,
            ".receipt_rank = 4 OR ",
            $s,
            ".state >= 10 AND ",
            $s,
            ".state <> 20)"
        )
    };
}

/// Those that wait for a delivery of `$moved`, and what follows for each; and those that wait for
/// what is not needed in turn.
macro_rules! decided {
    ($moved:literal, $except:literal) => {
        concat!(
            "SELECT w.position, w.id, w.tenant, ",
            $crate::siblings::reached!("s", "w"),
            " AS reached
              FROM ",
            $moved,
            " AS s
              CROSS JOIN LATERAL (
                  SELECT * FROM signalbus.delivery AS w
                  WHERE w.after = s.id AND w.tenant = s.tenant AND w.state IN (0, 1, 3, 4, 5)",
            $except,
            " OFFSET 0) AS w WHERE ",
            $crate::siblings::reached!("s", "w"),
            " OR ",
            $crate::siblings::failed!("s"),
            " UNION ALL
              SELECT w.position, w.id, w.tenant, true
              FROM decided AS m
              CROSS JOIN LATERAL (
                  SELECT * FROM signalbus.delivery AS w
                  WHERE w.after = m.id AND w.tenant = m.tenant AND w.state IN (0, 1, 3, 4, 5)",
            $except,
            " OFFSET 0) AS w WHERE m.reached"
        )
    };
}

/// What is written of a row `d` that `m` decides about, at `$now`.
macro_rules! outcome {
    ($now:literal) => {
        concat!(
            "state = CASE WHEN m.reached THEN 22
                          WHEN d.state = 1 AND d.attempt = 0 THEN 0 ELSE d.state END,
             due = CASE WHEN NOT m.reached AND d.attempt = 0
                        THEN least(d.due, ",
            $now,
            ") ELSE d.due END,
             holds = d.holds AND NOT m.reached,
             reason = CASE WHEN m.reached THEN 'reached' END,
             ended_at = CASE WHEN m.reached THEN ",
            $now,
            " END"
        )
    };
}
pub(crate) use {decided, failed, outcome, reached};

/// What the history says of one that is not needed any more.
pub(crate) fn ended() -> Entry {
    Entry::Ended {
        state: EndState::NotNeeded,
        reason: Reason::Reached,
        detail: None,
    }
}

/// Something became of these deliveries: ends or releases those that wait for them; but for those of
/// `except`, whose own results were written beside: their next claim looks.
pub(crate) async fn decide(
    link: &mut Link<'_>,
    now: Timestamp,
    moved: &[i64],
    except: &[i64],
) -> Result<(), StoreError> {
    if moved.is_empty() {
        return Ok(());
    }
    let query = link
        .query(concat!(
            "WITH RECURSIVE moved AS MATERIALIZED (
                 SELECT id, tenant, state, reason, receipt_rank FROM signalbus.delivery
                 WHERE position = ANY($1)),
             decided AS (",
            decided!("moved", " AND w.position <> ALL($3)"),
            ")
             UPDATE signalbus.delivery AS d SET ",
            outcome!("$2"),
            " FROM decided AS m
             WHERE d.position = ANY (ARRAY[m.position]) AND (d.state IN (0, 1, 3, 4, 5)) IS TRUE
             RETURNING d.position, d.state, d.order_key, d.tenant, d.event"
        ))
        .bind(moved)
        .bind(micros(now))
        .bind(except);
    let rows = link.rows(query).await?;
    let (mut entries, mut keys) = (Vec::new(), Vec::new());
    let mut events = Vec::new();
    for row in &rows {
        let mut columns = Columns::of(row);
        let (position, state) = (columns.int()?, columns.int()?);
        if state >= 10 {
            entries.push((position, ended()));
            keys.push(OrderKey(columns.int()?, columns.take()?));
            events.push(columns.uuid()?);
        }
    }
    secret::spend(link, &events).await?;
    history::append(link, now, &entries).await?;
    order::wake(link, &keys).await
}

/// Decides about what waits for a delivery that has ended, should somebody have died before. What was
/// claimed before is left to its next claim.
pub(crate) async fn sweep(link: &mut Link<'_>, now: Timestamp) -> Result<(), StoreError> {
    let query = link.query(
        "SELECT s.position, w.position, w.attempt FROM signalbus.delivery AS w
         JOIN signalbus.delivery AS s ON s.id = w.after AND s.state >= 10
         WHERE w.after IS NOT NULL AND w.state < 10 LIMIT 1000",
    );
    let rows = link.rows(query).await?;
    let (mut ended, mut claimed) = (Vec::new(), Vec::new());
    for row in &rows {
        let mut columns = Columns::of(row);
        let (sibling, position) = (columns.int()?, columns.int()?);
        if columns.int()? == 0 {
            ended.push(sibling);
        } else {
            claimed.push(position);
        }
    }
    decide(link, now, &ended, &claimed).await
}
