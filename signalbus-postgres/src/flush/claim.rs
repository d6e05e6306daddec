//! Claims that found no row as they believed it: what stands against each, and what follows.

use signalbus_core::{
    clock::Timestamp,
    store::{EndState, Entry, Reason, Refusal, StoreError},
};

use uuid::Uuid;

use super::{
    Batch,
    write::{Written, column},
};
use crate::{
    codec::{Columns, HELD, end_code, lane_column, micros},
    database::Link,
    history,
    order::{self, OrderKey},
    pauses, rendering, secret, siblings,
    suppress::stands_against,
    takes,
};

/// A row that a claim ended, or that a pause holds.
struct Ended {
    nth: usize,
    position: i64,
    event: Uuid,
    state: i64,
    key: OrderKey,
    /// What the suppression list says, or the pause.
    detail: Option<String>,
}

impl Ended {
    fn how(&self) -> (EndState, Reason, Refusal) {
        if self.state == end_code(EndState::Expired) {
            (EndState::Expired, Reason::Expired, Refusal::Expired)
        } else if self.state == end_code(EndState::Suppressed) {
            (
                EndState::Suppressed,
                Reason::Suppressed,
                Refusal::Suppressed,
            )
        } else if self.state == end_code(EndState::NotNeeded) {
            (EndState::NotNeeded, Reason::Reached, Refusal::NotNeeded)
        } else {
            (EndState::Accepted, Reason::Receipt, Refusal::Moved)
        }
    }
}

/// Ends what has expired, is suppressed or was sent; claims what only waited to be let go. The
/// answers have the places in `refused`.
pub(super) async fn refuse(
    link: &mut Link<'_>,
    now: Timestamp,
    batch: &Batch,
    refused: &[usize],
) -> Result<Written, StoreError> {
    let part = Batch {
        lanes: batch.lanes.clone(),
        epochs: batch.epochs.clone(),
        claims: refused
            .iter()
            .map(|nth| batch.claims[*nth].clone())
            .collect(),
        settles: Vec::new(),
    };
    let locked = takes::lock(link, &part.claims, &[]).await?;
    let positions = column(&part.claims, |claim| claim.position.0);
    order::free(link, now, &positions).await?;
    let ended = end(link, now, &part).await?;
    let mut written = super::claim_taking(link, &part, locked).await?;
    let mut entries = Vec::with_capacity(ended.len());
    for row in &ended {
        if row.state == HELD {
            written.refuse(row.nth, Refusal::Held);
            let reason = row.detail.clone().unwrap_or_default();
            entries.push((row.position, Entry::Held { reason }));
            continue;
        }
        let (state, reason, refusal) = row.how();
        written.refuse(row.nth, refusal);
        let detail = row.detail.clone();
        let entry = Entry::Ended {
            state,
            reason,
            detail,
        };
        entries.push((row.position, entry));
    }
    history::append(link, now, &entries).await?;
    let events = ended.iter().filter(|row| row.state != HELD);
    let events: Vec<Uuid> = events.map(|row| row.event).collect();
    secret::spend(link, &events).await?;
    let accepted = end_code(EndState::Accepted);
    let sent = ended.iter().filter(|row| row.state == accepted);
    let sent: Vec<i64> = sent.map(|row| row.position).collect();
    rendering::forget(link, &sent).await?;
    let over = ended.into_iter().filter(|row| row.state != HELD);
    let (positions, keys): (Vec<i64>, Vec<OrderKey>) =
        over.map(|row| (row.position, row.key)).unzip();
    order::wake(link, &keys).await?;
    siblings::decide(link, now, &positions, &[]).await?;
    Ok(written)
}

/// What stands against a claim, if anything does.
macro_rules! verdict {
    () => {
        concat!(
            "CASE WHEN d.receipt_rank >= 2 THEN 20
              WHEN d.expires_at <= $1 THEN 11
              WHEN d.after IS NOT NULL AND EXISTS (
                  SELECT 1 FROM signalbus.delivery AS s
                  WHERE s.id = d.after AND s.tenant = d.tenant AND ",
            siblings::reached!("s", "d"),
            ") THEN 22
              WHEN EXISTS (SELECT 1 FROM signalbus.suppression AS p WHERE ",
            stands_against!("d"),
            ") THEN 12
              WHEN EXISTS (SELECT 1 FROM signalbus.pause AS p WHERE ",
            pauses::holds!("d"),
            ") THEN 5 END"
        )
    };
}

async fn end(link: &mut Link<'_>, now: Timestamp, batch: &Batch) -> Result<Vec<Ended>, StoreError> {
    let claims = &batch.claims;
    let query = link
        .query(concat!(
            "WITH owned AS MATERIALIZED (
                 SELECT l.lane
                 FROM unnest($2::bigint[], $3::bigint[]) AS a (lane, epoch)
                 JOIN signalbus.lane AS l ON l.lane = a.lane AND l.epoch = a.epoch
                 WHERE l.worker IS NOT NULL ORDER BY l.lane FOR KEY SHARE OF l),
             ended AS (
                 UPDATE signalbus.delivery AS d SET
                     state = ",
            verdict!(),
            ",               holds = d.holds AND (",
            verdict!(),
            ") = 5,
                     reason = CASE ",
            verdict!(),
            "                WHEN 20 THEN $9 WHEN 11 THEN $10 WHEN 12 THEN $11
                                     WHEN 22 THEN $12 END,
                     ended_at = CASE WHEN (",
            verdict!(),
            ") <> 5 THEN $1 END
                 FROM unnest($4::bigint[], $5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[])
                     WITH ORDINALITY AS c (position, id, lane, generation, attempt, nth)
                 WHERE (c.lane IN (SELECT lane FROM owned)) IS TRUE
                   AND d.position = ANY (ARRAY[c.position])
                   AND (d.id = c.id AND d.lane = c.lane AND d.generation = c.generation
                        AND d.state = 0 AND d.attempt + 1 = c.attempt) IS TRUE
                   AND (d.due <= $1
                        OR (d.due = d.accepted_at AND d.attempt = 0 AND d.generation = 0))
                   AND (",
            verdict!(),
            ") IS NOT NULL
                 RETURNING c.nth, d.position, d.event, d.state, d.order_key, d.tenant, d.channel, d.address,
                           d.sender, d.category)
             SELECT e.nth, e.position, e.event, e.state, e.order_key, e.tenant,
                    CASE e.state WHEN 5 THEN (
                        SELECT p.reason FROM signalbus.pause AS p WHERE ",
            pauses::holds!("e"),
            " ORDER BY p.pause LIMIT 1) WHEN 12 THEN (
                        SELECT p.cause FROM signalbus.suppression AS p WHERE ",
            stands_against!("e"),
            " ORDER BY p.gravity DESC, p.suppressed_at LIMIT 1) END
             FROM ended AS e
             ORDER BY e.position"
        ))
        .bind(micros(now))
        .bind(&batch.lanes)
        .bind(&batch.epochs)
        .bind(column(claims, |claim| claim.position.0))
        .bind(column(claims, |claim| *claim.id.as_uuid()))
        .bind(column(claims, |claim| lane_column(claim.lane)))
        .bind(column(claims, |claim| i64::from(claim.generation)))
        .bind(column(claims, |claim| i64::from(claim.attempt)))
        .bind(Reason::Receipt.as_str())
        .bind(Reason::Expired.as_str())
        .bind(Reason::Suppressed.as_str())
        .bind(Reason::Reached.as_str());
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let nth: usize = columns.number()?;
            let position = columns.int()?;
            Ok(Ended {
                nth: nth.saturating_sub(1),
                position,
                event: columns.uuid()?,
                state: columns.int()?,
                key: OrderKey(columns.int()?, columns.take()?),
                detail: columns.take_or_none()?,
            })
        })
        .collect()
}
