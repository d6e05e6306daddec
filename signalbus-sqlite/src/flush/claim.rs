//! Claims: a delivery that is about to be sent, checked once more against everything that may
//! have happened to it.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use signalbus::{
    clock::Timestamp,
    store::{
        Claim, ClaimAnswer, Claimed, EndState, Entry, Reason, Refusal, StoreError, StoredEvent,
    },
};
use sqlx::SqliteConnection;

use super::Owned;
use crate::{
    batch::{self, Bytes},
    codec::{Columns, SENDING, end_code, micros},
    content, error, history,
    order::{self, OrderKey},
};

/// A row as it was written.
struct Written {
    position: i64,
    state: i64,
    event: i64,
    recipient: u32,
    rendering: Option<Vec<u8>>,
    ordered: bool,
    order: OrderKey,
}

pub(super) async fn claim(
    conn: &mut SqliteConnection,
    now: Timestamp,
    owned: &Owned,
    claims: &[Claim],
) -> Result<Vec<ClaimAnswer>, StoreError> {
    let mut seen = HashSet::new();
    let ours: Vec<(&Claim, i64)> = claims
        .iter()
        .filter_map(|claim| Some((claim, *owned.get(&claim.lane)?)))
        .filter(|(claim, _)| seen.insert(claim.position))
        .collect();
    let written = write(conn, now, &ours).await?;
    end_refused(conn, now, &written).await?;
    let events = content::events(
        conn,
        written
            .iter()
            .filter(|row| row.state == SENDING)
            .map(|row| row.event),
    )
    .await?;
    let mut rows: HashMap<i64, Written> =
        written.into_iter().map(|row| (row.position, row)).collect();
    claims
        .iter()
        .map(|claim| {
            if !owned.contains_key(&claim.lane) {
                return Ok(ClaimAnswer::LaneLost);
            }
            match rows.remove(&claim.position.0) {
                Some(row) => answer(row, &events),
                None => Ok(ClaimAnswer::Refused(Refusal::Moved)),
            }
        })
        .collect()
}

fn answer(
    row: Written,
    events: &HashMap<i64, Arc<StoredEvent>>,
) -> Result<ClaimAnswer, StoreError> {
    if row.state == SENDING {
        let event = events
            .get(&row.event)
            .ok_or_else(|| error::corrupt("the event of a delivery is missing"))?;
        return Ok(ClaimAnswer::Claimed(Claimed {
            event: Arc::clone(event),
            recipient: row.recipient,
            rendering: row.rendering.map(Into::into),
        }));
    }
    Ok(ClaimAnswer::Refused(
        if row.state == end_code(EndState::Expired) {
            Refusal::Expired
        } else if row.state == end_code(EndState::Suppressed) {
            Refusal::Suppressed
        } else {
            Refusal::Moved
        },
    ))
}

/// A claim that comes again finds its row claimed already, under the same epoch, and leaves it so.
async fn write(
    conn: &mut SqliteConnection,
    now: Timestamp,
    claims: &[(&Claim, i64)],
) -> Result<Vec<Written>, StoreError> {
    if claims.is_empty() {
        return Ok(Vec::new());
    }
    let mut ids = Bytes::default();
    let rows: Vec<_> = claims
        .iter()
        .map(|(claim, epoch)| {
            (
                claim.position.0,
                ids.add(claim.id.as_uuid().as_bytes()).0,
                claim.lane.0,
                claim.generation,
                claim.attempt,
                epoch,
                claim.alone,
            )
        })
        .collect();
    let rows = sqlx::query(
        "UPDATE signalbus_delivery AS d SET
             state = s.verdict,
             holds = d.holds AND s.verdict = 2,
             reason = CASE s.verdict WHEN 20 THEN ?4 WHEN 11 THEN ?5 WHEN 12 THEN ?6 END,
             ended_at = CASE WHEN s.verdict <> 2 THEN ?3 END,
             attempt = CASE s.verdict WHEN 2 THEN s.attempt ELSE d.attempt END,
             claim_epoch = CASE s.verdict WHEN 2 THEN s.epoch END,
             claimed_at = CASE s.verdict WHEN 2 THEN coalesce(d.claimed_at, ?3) END,
             alone = CASE s.verdict WHEN 2 THEN coalesce(d.alone, s.alone) END
         FROM (SELECT c.position, j.value ->> 4 AS attempt, j.value ->> 5 AS epoch,
                      j.value ->> 6 AS alone,
                      CASE WHEN c.state = 2 THEN 2
                           WHEN c.receipt_rank >= 2 THEN 20
                           WHEN c.expires_at <= ?3 THEN 11
                           WHEN EXISTS (SELECT 1 FROM signalbus_suppression AS p
                                        WHERE p.tenant = c.tenant AND p.channel = c.channel
                                          AND p.address = c.address) THEN 12
                           ELSE 2 END AS verdict
               FROM json_each(?1) AS j
               CROSS JOIN signalbus_delivery AS c
                 ON c.position = j.value ->> 0
                AND c.id = substr(?2, j.value ->> 1, 16)
                AND c.lane = j.value ->> 2
                AND c.generation = j.value ->> 3
                AND ((c.state = 0 AND c.attempt + 1 = j.value ->> 4)
                  OR (c.state = 2 AND c.attempt = j.value ->> 4
                                  AND c.claim_epoch = j.value ->> 5))) AS s
         WHERE d.position = s.position
         RETURNING position, state, event, recipient, order_mode > 0, order_key, tenant,
                   CASE WHEN rendered AND state = 2 THEN
                       (SELECT body FROM signalbus_rendering AS r WHERE r.position = d.position)
                   END",
    )
    .bind(batch::rows(&rows)?)
    .bind(ids.into_vec())
    .bind(micros(now))
    .bind(Reason::Receipt.as_str())
    .bind(Reason::Expired.as_str())
    .bind(Reason::Suppressed.as_str())
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(Written {
                position: columns.take()?,
                state: columns.take()?,
                event: columns.take()?,
                recipient: columns.number()?,
                ordered: columns.take()?,
                order: OrderKey(columns.take()?, columns.take()?),
                rendering: columns.take()?,
            })
        })
        .collect()
}

async fn end_refused(
    conn: &mut SqliteConnection,
    now: Timestamp,
    written: &[Written],
) -> Result<(), StoreError> {
    let entries: Vec<_> = written
        .iter()
        .filter_map(|row| {
            let (state, reason) = [
                (EndState::Accepted, Reason::Receipt),
                (EndState::Expired, Reason::Expired),
                (EndState::Suppressed, Reason::Suppressed),
            ]
            .into_iter()
            .find(|(end, _)| end_code(*end) == row.state)?;
            Some((row.position, Entry::Ended { state, reason }))
        })
        .collect();
    history::append(conn, now, &entries).await?;
    let keys: Vec<OrderKey> = written
        .iter()
        .filter(|row| row.ordered && row.state != SENDING)
        .map(|row| row.order.clone())
        .collect();
    order::let_go(conn, micros(now), &keys).await
}
