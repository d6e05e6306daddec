//! Claims: a delivery that is about to be sent, checked once more against everything that may
//! have happened to it.

use std::{collections::HashMap, sync::Arc};

use signalbus_core::{
    clock::Timestamp,
    store::{
        AddressHash, Claim, ClaimAnswer, Claimed, EndState, Entry, Reason, Refusal, StoreError,
    },
};
use sqlx::{SqliteConnection, sqlite::SqliteRow};

use super::Owned;
use crate::{
    batch::{self, Bytes},
    codec::{Columns, micros},
    content, error, history,
    order::{self, OrderKey},
    pauses, rendering, secret, siblings,
    states::{HELD, SENDING, end_code, state},
    suppress,
};

/// The rows that are where a claim believes them, and what stands against each.
macro_rules! asked {
    () => {
        concat!(
            "SELECT c.position, j.value ->> 4 AS attempt, j.value ->> 5 AS epoch,
                j.value ->> 6 AS alone,
                CASE WHEN c.state = ",
            state!(sending),
            " THEN ",
            state!(sending),
            "
                     WHEN c.receipt_rank >= 2 THEN ",
            state!(accepted),
            "
                     WHEN c.expires_at <= ?3 THEN ",
            state!(expired),
            "
                     WHEN c.after IS NOT NULL AND EXISTS (
                         SELECT 1 FROM signalbus_delivery AS s
                         WHERE s.id = c.after AND s.tenant = c.tenant AND ",
            siblings::reached!(),
            ") THEN ",
            state!(not_needed),
            "
                     WHEN EXISTS (SELECT 1 FROM signalbus_suppression AS p
                                  WHERE ",
            suppress::stands_against!(),
            ") THEN ",
            state!(suppressed),
            "
                     WHEN EXISTS (SELECT 1 FROM signalbus_pause AS p WHERE ",
            pauses::holds!(),
            ") THEN ",
            state!(held),
            "
                     ELSE ",
            state!(sending),
            " END AS verdict
         FROM jsonb_each(?1) AS j
         CROSS JOIN signalbus_delivery AS c
           ON c.position = j.value ->> 0
          AND c.id = substr(?2, j.value ->> 1, 16)
          AND c.lane = j.value ->> 2
          AND c.generation = j.value ->> 3
          AND ((c.state = ",
            state!(ready),
            " AND c.attempt + 1 = j.value ->> 4
                AND (c.due <= ?3
                  OR (c.due = c.accepted_at AND c.attempt = 0 AND c.generation = 0)))
            OR (c.state = ",
            state!(sending),
            " AND c.attempt = j.value ->> 4 AND c.claim_epoch = j.value ->> 5))"
        )
    };
}

/// The columns that [`Written::of`] reads.
macro_rules! written {
    () => {
        "position, id, generation, attempt, state, event, recipient, order_mode > 0, order_key,
         tenant, rendered, address"
    };
}

/// A row as it was written.
struct Written {
    position: i64,
    id: uuid::Uuid,
    generation: u32,
    attempt: u32,
    state: i64,
    event: i64,
    recipient: u32,
    rendered: bool,
    address: Option<AddressHash>,
    ordered: bool,
    order: OrderKey,
}

impl Written {
    fn of(row: &SqliteRow) -> Result<Self, StoreError> {
        let mut columns = Columns::of(row);
        Ok(Self {
            position: columns.take()?,
            id: columns.uuid()?,
            generation: columns.number()?,
            attempt: columns.number()?,
            state: columns.take()?,
            event: columns.take()?,
            recipient: columns.number()?,
            ordered: columns.take()?,
            order: OrderKey(columns.take()?, columns.take()?),
            rendered: columns.take()?,
            address: columns.bytes_or_none()?.map(AddressHash),
        })
    }

    fn answers(&self, claim: &Claim) -> bool {
        self.id == *claim.id.as_uuid()
            && self.generation == claim.generation
            && (self.state != SENDING || self.attempt == claim.attempt)
    }
}

pub(super) async fn claim(
    conn: &mut SqliteConnection,
    now: Timestamp,
    owned: &Owned,
    claims: &[Claim],
) -> Result<Vec<ClaimAnswer>, StoreError> {
    let batch = Batch::of(owned, claims)?;
    let mut written = Vec::new();
    if batch.size > 0 {
        written = write(conn, now, &batch).await?;
    }
    if written.len() < batch.size {
        let refused = end(conn, now, &batch).await?;
        note_ends(conn, now, &refused).await?;
        written.extend(refused);
    }
    let claimed = written.iter().filter(|row| row.state == SENDING);
    let wanted = claimed.clone().map(|row| (row.event, row.recipient));
    let contents = content::read(conn, wanted).await?;
    let kept: Vec<i64> = claimed
        .filter(|row| row.rendered)
        .map(|row| row.position)
        .collect();
    let renderings = rendering::read(conn, &kept).await?;
    let rows: HashMap<i64, Written> = written.into_iter().map(|row| (row.position, row)).collect();
    claims
        .iter()
        .map(|claim| {
            if !owned.contains_key(&claim.lane) {
                return Ok(ClaimAnswer::LaneLost);
            }
            match rows.get(&claim.position.0).filter(|row| row.answers(claim)) {
                None => Ok(ClaimAnswer::Refused(Refusal::Moved)),
                Some(row) if row.state == SENDING => {
                    let event = contents
                        .events
                        .get(&row.event)
                        .map(Arc::clone)
                        .ok_or_else(|| error::corrupt("the event of a delivery is missing"))?;
                    let mut claimed = Claimed::new(event, row.recipient);
                    let own = contents.own.get(&(row.event, row.recipient));
                    claimed.address = row.address;
                    claimed.own = own.cloned().map(Into::into);
                    claimed.secret = contents.secrets.get(&row.event).cloned().map(Into::into);
                    claimed.rendering = renderings.get(&row.position).cloned().map(Into::into);
                    Ok(ClaimAnswer::Claimed(claimed))
                }
                Some(row) => Ok(ClaimAnswer::Refused(refusal(row))),
            }
        })
        .collect()
}

fn refusal(row: &Written) -> Refusal {
    if row.state == end_code(EndState::Expired) {
        Refusal::Expired
    } else if row.state == end_code(EndState::Suppressed) {
        Refusal::Suppressed
    } else if row.state == end_code(EndState::NotNeeded) {
        Refusal::NotNeeded
    } else if row.state == HELD {
        Refusal::Held
    } else {
        Refusal::Moved
    }
}

/// The claims on lanes that the worker owns.
struct Batch {
    size: usize,
    rows: String,
    ids: Vec<u8>,
}

impl Batch {
    fn of(owned: &Owned, claims: &[Claim]) -> Result<Self, StoreError> {
        let mut ids = Bytes::default();
        let rows: Vec<_> = claims
            .iter()
            .filter_map(|claim| {
                Some((
                    claim.position.0,
                    ids.add(claim.id.as_uuid().as_bytes()).0,
                    claim.lane.get(),
                    claim.generation,
                    claim.attempt,
                    owned.get(&claim.lane)?,
                    claim.alone,
                ))
            })
            .collect();
        Ok(Self {
            size: rows.len(),
            rows: batch::rows(&rows)?,
            ids: ids.into_vec(),
        })
    }
}

/// Writes claims that nothing stands against. One that comes again finds its row claimed already,
/// under the same epoch, and leaves it so.
async fn write(
    conn: &mut SqliteConnection,
    now: Timestamp,
    batch: &Batch,
) -> Result<Vec<Written>, StoreError> {
    let rows = sqlx::query(concat!(
        "UPDATE signalbus_delivery AS d SET
             state = ",
        state!(sending),
        ",
             attempt = s.attempt,
             claim_epoch = s.epoch,
             claimed_at = coalesce(d.claimed_at, ?3),
             alone = coalesce(d.alone, s.alone)
         FROM (",
        asked!(),
        ") AS s
         WHERE d.position = s.position AND s.verdict = ",
        state!(sending),
        " RETURNING ",
        written!()
    ))
    .bind(batch.rows.as_str())
    .bind(batch.ids.as_slice())
    .bind(micros(now))
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter().map(Written::of).collect()
}

/// Ends, or holds, what something stands against.
async fn end(
    conn: &mut SqliteConnection,
    now: Timestamp,
    batch: &Batch,
) -> Result<Vec<Written>, StoreError> {
    let rows = sqlx::query(concat!(
        "UPDATE signalbus_delivery AS d SET
             state = s.verdict,
             holds = CASE s.verdict WHEN ",
        state!(held),
        " THEN d.holds ELSE 0 END,
             reason = CASE s.verdict WHEN ",
        state!(accepted),
        " THEN ?4 WHEN ",
        state!(expired),
        " THEN ?5 WHEN ",
        state!(suppressed),
        " THEN ?6 WHEN ",
        state!(not_needed),
        " THEN ?7 END,
             ended_at = CASE WHEN s.verdict <> ",
        state!(held),
        " THEN ?3 END
         FROM (",
        asked!(),
        ") AS s
         WHERE d.position = s.position AND s.verdict <> ",
        state!(sending),
        " RETURNING ",
        written!()
    ))
    .bind(batch.rows.as_str())
    .bind(batch.ids.as_slice())
    .bind(micros(now))
    .bind(Reason::Receipt.as_str())
    .bind(Reason::Expired.as_str())
    .bind(Reason::Suppressed.as_str())
    .bind(Reason::Reached.as_str())
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter().map(Written::of).collect()
}

/// What hangs on the end of deliveries that were refused.
async fn note_ends(
    conn: &mut SqliteConnection,
    now: Timestamp,
    refused: &[Written],
) -> Result<(), StoreError> {
    let mut listed = why_suppressed(conn, refused).await?;
    let mut paused = why_held(conn, refused).await?;
    let entries: Vec<_> = refused
        .iter()
        .map(|row| {
            let (state, reason) = match refusal(row) {
                Refusal::Held => {
                    let reason = paused.remove(&row.position).unwrap_or_default();
                    return (row.position, Entry::Held { reason });
                }
                Refusal::Expired => (EndState::Expired, Reason::Expired),
                Refusal::Suppressed => (EndState::Suppressed, Reason::Suppressed),
                Refusal::NotNeeded => (EndState::NotNeeded, Reason::Reached),
                _ => (EndState::Accepted, Reason::Receipt),
            };
            let detail = listed.remove(&row.position);
            let entry = Entry::Ended {
                state,
                reason,
                detail,
            };
            (row.position, entry)
        })
        .collect();
    history::append(conn, now, &entries).await?;
    let events: Vec<i64> = refused.iter().map(|row| row.event).collect();
    secret::forget(conn, &events).await?;
    let accepted = end_code(EndState::Accepted);
    let sent = refused
        .iter()
        .filter(|row| row.state == accepted && row.rendered);
    let sent: Vec<i64> = sent.map(|row| row.position).collect();
    rendering::forget(conn, &sent).await?;
    let ended = || refused.iter().filter(|row| row.state != HELD);
    let keys: Vec<OrderKey> = ended()
        .filter(|row| row.ordered)
        .map(|row| row.order.clone())
        .collect();
    order::let_go(conn, micros(now), &keys).await?;
    siblings::decide(conn, now, ended().map(|row| row.position).collect(), &[]).await
}

/// Why what holds these deliveries was paused.
async fn why_held(
    conn: &mut SqliteConnection,
    refused: &[Written],
) -> Result<HashMap<i64, String>, StoreError> {
    let held = refused.iter().filter(|row| row.state == HELD);
    let positions: Vec<i64> = held.map(|row| row.position).collect();
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(concat!(
        "SELECT c.position, p.reason
             FROM json_each(?1) AS j
             CROSS JOIN signalbus_delivery AS c ON c.position = j.value
             JOIN signalbus_pause AS p ON ",
        pauses::holds!(),
        // The oldest comes last, and stays.
        " ORDER BY p.pause DESC"
    ))
    .bind(batch::rows(&positions)?)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.take()?, columns.take()?))
        })
        .collect()
}

/// What the list says about the addresses of those that are on it.
async fn why_suppressed(
    conn: &mut SqliteConnection,
    refused: &[Written],
) -> Result<HashMap<i64, String>, StoreError> {
    let positions: Vec<i64> = refused
        .iter()
        .filter(|row| row.state == end_code(EndState::Suppressed))
        .map(|row| row.position)
        .collect();
    if positions.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sqlx::query(concat!(
        "SELECT c.position, p.cause
             FROM json_each(?1) AS j
             CROSS JOIN signalbus_delivery AS c ON c.position = j.value
             JOIN signalbus_suppression AS p ON ",
        suppress::stands_against!(),
        // The gravest comes last, and stays.
        " ORDER BY p.gravity, p.suppressed_at DESC"
    ))
    .bind(batch::rows(&positions)?)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok((columns.take()?, columns.take()?))
        })
        .collect()
}
