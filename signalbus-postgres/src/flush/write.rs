//! The statement of a flush.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use signalbus_core::{
    clock::Timestamp,
    store::{
        AddressHash, ClaimAnswer, Claimed, EndState, Entry, Flushed, LaneId, Reason, Refusal,
        Settle, SettleAnswer, StoreError, StoredEvent,
    },
};
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::{Batch, settled::Settles};
use crate::{
    codec::{Columns, lane_column, month_of},
    database::{Link, now},
    error, history, pauses, row, siblings,
    suppress::stands_against,
};

/// Where a result leads: called off, proved by a receipt, to its end, or to the next try.
macro_rules! new_state {
    () => {
        "CASE WHEN s.asked < 10 AND d.cancelled THEN 21
              WHEN s.asked = 13 AND d.receipt_rank >= 2 THEN 20
              WHEN s.asked >= 10 THEN s.asked
              WHEN d.order_mode >= 2 THEN 4
              WHEN s.delay > 0 OR s.until > t.now THEN 1 ELSE 0 END"
    };
}

/// `owned` locks the lanes, so that a new owner waits until this has been committed; a lane that
/// has a new owner falls out when the lock is had. Every condition is on the row that is written,
/// so that it is checked again when the row was changed meanwhile.
///
/// A session keeps the plan that it made when the tables were empty, until there are statistics. So
/// rows are asked for in a way that leaves the planner one way to find them, by the primary key, and
/// never the other way round: `= ANY (ARRAY[…])` where `=` would let it begin with the table, and
/// `(…) IS TRUE` around what a partial index could answer (decision record 0029).
const WRITE: &str = concat!(
    "WITH RECURSIVE t AS MATERIALIZED (SELECT ",
    now!(),
    " AS now),
     owned AS MATERIALIZED (
         SELECT l.lane, l.epoch
         FROM unnest($2::bigint[], $3::bigint[]) AS a (lane, epoch)
         JOIN signalbus.lane AS l ON l.lane = a.lane AND l.epoch = a.epoch
         WHERE l.worker IS NOT NULL ORDER BY l.lane FOR KEY SHARE OF l),
     settled AS (
         UPDATE signalbus.delivery AS d SET
             state = ",
    new_state!(),
    ",       holds = d.holds AND (",
    new_state!(),
    ") <= 10,
             reason = CASE ",
    new_state!(),
    "            WHEN s.asked THEN s.reason WHEN 20 THEN $27 WHEN 21 THEN $28 END,
             ended_at = CASE WHEN (",
    new_state!(),
    ") >= 10 THEN t.now END,
             due = CASE WHEN s.asked < 10
                        THEN coalesce(s.until, least(t.now + s.delay, 253402207200999999))
                        ELSE d.due END,
             waits_since = CASE WHEN s.asked < 10 AND s.until IS NULL THEN t.now END,
             tries = least(s.tries, 2147483647),
             tried = s.tries > 0,
             memo = s.memo,
             failures = least(s.failures, 2147483647),
             suspicion = least(s.suspicion, 2147483647),
             provider = s.provider, message_id = s.message_id, message_hash = s.message_hash,
             rendered = d.rendered OR s.rendering IS NOT NULL,
             claim_epoch = NULL, claimed_at = NULL, alone = NULL
         FROM unnest($4::bigint[], $5::uuid[], $6::bigint[], $7::bigint[], $8::bigint[],
                     $9::smallint[], $10::bigint[], $11::text[], $12::bigint[], $13::bigint[],
                     $14::text[], $15::text[], $16::bigint[], $17::bytea[], $18::text[],
                     $29::bigint[], $30::bigint[], $31::bytea[])
             WITH ORDINALITY AS s (position, id, lane, generation, attempt, asked, delay, reason,
                                   failures, suspicion, provider, message_id, message_hash,
                                   rendering, body, tries, until, memo, nth)
         CROSS JOIN t
         WHERE (s.lane IN (SELECT lane FROM owned)) IS TRUE
           AND d.position = ANY (ARRAY[s.position])
           AND (d.id = s.id AND d.lane = s.lane AND d.generation = s.generation
                AND d.attempt = s.attempt AND d.state = 2) IS TRUE
         RETURNING s.nth, s.asked, s.body, s.rendering, d.event, d.position, d.state, d.order_mode,
                   d.order_key, d.tenant, d.rendered, d.accepted_at, d.id, d.reason,
                   d.receipt_rank),
     decided AS (",
    siblings::decided!("(SELECT * FROM settled
                         WHERE NOT EXISTS (SELECT 1 FROM signalbus.receipt WHERE position IS NULL))",
        ""),
    "),
     siblings AS (
         UPDATE signalbus.delivery AS d SET ",
    siblings::outcome!("t.now"),
    "    FROM decided AS m CROSS JOIN t
         WHERE d.position = ANY (ARRAY[m.position]) AND (d.state IN (0, 1, 3, 4, 5)) IS TRUE
         RETURNING d.event, d.position, d.state, d.order_mode, d.order_key, d.tenant,
                   d.accepted_at),
     told AS (
         INSERT INTO signalbus.history (position, at, month, version, body)
         SELECT h.position, t.now, ",
    month_of!("h.accepted_at"),
    ", 1, h.body
         FROM (SELECT nth, 0 AS part, position, accepted_at, body FROM settled
               UNION ALL
               SELECT nth, 1, position, accepted_at, CASE state WHEN 20 THEN $26 ELSE $25 END
               FROM settled WHERE state >= 10 AND state <> asked
               UNION ALL
               SELECT position, 2, position, accepted_at, $32 FROM siblings WHERE state = 22) AS h
         CROSS JOIN t
         ORDER BY h.nth, h.part),
     woken AS (
         UPDATE signalbus.delivery SET state = 4
         WHERE (state = 3) IS TRUE AND position = ANY (ARRAY(
             SELECT (SELECT b.position FROM signalbus.delivery AS b
                     WHERE b.state = 3 AND b.order_key = s.order_key AND b.tenant = s.tenant
                     ORDER BY b.position LIMIT 1)
             FROM (SELECT state, order_mode, order_key, tenant FROM settled
                   UNION ALL
                   SELECT state, order_mode, order_key, tenant FROM siblings) AS s
             WHERE s.state >= 10 AND s.order_mode >= 1))
           AND position NOT IN (SELECT position FROM decided)),
     spent AS (
         SELECT event, count(*) AS ended FROM (
             SELECT event, state FROM settled UNION ALL SELECT event, state FROM siblings) AS s
         WHERE state >= 10 GROUP BY event),
     held AS MATERIALIZED (
         SELECT x.event FROM signalbus.secret AS x
         JOIN spent AS p ON x.event = ANY (ARRAY[p.event]) ORDER BY x.event FOR UPDATE OF x),
     forgotten AS (
         UPDATE signalbus.secret AS x
         SET open = x.open - p.ended, body = CASE WHEN x.open > p.ended THEN x.body END
         FROM spent AS p JOIN held AS h ON h.event = p.event
         WHERE x.event = ANY (ARRAY[p.event]) AND x.body IS NOT NULL),
     kept AS (
         INSERT INTO signalbus.rendering (position, body)
         SELECT position, rendering FROM settled WHERE rendering IS NOT NULL AND state <> 20
         ON CONFLICT (position) DO UPDATE SET body = excluded.body),
     dropped AS (
         DELETE FROM signalbus.rendering WHERE position = ANY (ARRAY(
             SELECT position FROM settled WHERE rendered AND state = 20))),
     claimed AS (
         UPDATE signalbus.delivery AS d SET
             state = 2,
             attempt = c.attempt,
             claim_epoch = c.epoch,
             claimed_at = coalesce(d.claimed_at, t.now),
             alone = coalesce(d.alone, c.alone)
         FROM unnest($19::bigint[], $20::uuid[], $21::bigint[], $22::bigint[], $23::bigint[],
                     $24::boolean[], $33::bigint[])
             WITH ORDINALITY AS c (position, id, lane, generation, attempt, alone, epoch, nth)
         CROSS JOIN t
         WHERE (c.lane IN (SELECT lane FROM owned)) IS TRUE
           AND d.position = ANY (ARRAY[c.position])
           AND (d.id = c.id AND d.lane = c.lane AND d.generation = c.generation) IS TRUE
           AND ((d.state = 0 AND d.attempt + 1 = c.attempt
                 AND (d.due <= t.now
                      OR (d.due = d.accepted_at AND d.attempt = 0 AND d.generation = 0))
                 AND d.receipt_rank < 2
                 AND (d.expires_at IS NULL OR d.expires_at > t.now)
                 AND (d.after IS NULL OR (
                     d.position NOT IN (SELECT position FROM decided)
                     AND NOT EXISTS (SELECT 1 FROM signalbus.delivery AS s
                                     WHERE s.id = d.after AND s.tenant = d.tenant AND ",
    siblings::reached!("s", "d"),
    ")))
                 AND NOT EXISTS (SELECT 1 FROM signalbus.suppression AS p WHERE ",
    stands_against!("d"),
    ")
                 AND NOT EXISTS (SELECT 1 FROM signalbus.pause AS p WHERE ",
    pauses::holds!("d"),
    "))
             OR (d.state = 2 AND d.attempt = c.attempt AND d.claim_epoch = c.epoch)) IS TRUE
         RETURNING c.nth, d.position, d.event, d.recipient, d.rendered, d.address)
     SELECT 0::smallint, 0::bigint, t.now, NULL::smallint, NULL::bigint,
            EXISTS (SELECT 1 FROM signalbus.receipt WHERE position IS NULL),
            NULL::bytea, NULL::bytea, NULL::bytea, NULL::bytea, NULL::uuid, NULL::text, NULL::text, NULL::smallint, NULL::bigint,
            NULL::bytea
     FROM t
     UNION ALL
     SELECT 1, lane, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL
     FROM owned
     UNION ALL
     SELECT 2, nth, NULL, state, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
            NULL
     FROM settled
     UNION ALL
     SELECT 3, c.nth, NULL, NULL, c.recipient, e.id IS NOT NULL, r.body, q.content, x.body,
            c.address, e.id, e.tenant, e.topic, e.class, e.accepted_at,
            CASE WHEN row_number() OVER (PARTITION BY c.event ORDER BY c.nth) = 1
                 THEN e.content END
     FROM claimed AS c
     LEFT JOIN signalbus.event AS e ON e.id = ANY (ARRAY[c.event])
     LEFT JOIN signalbus.recipient AS q
         ON q.event = ANY (ARRAY[c.event]) AND q.place = ANY (ARRAY[c.recipient])
     LEFT JOIN signalbus.secret AS x ON x.event = ANY (ARRAY[c.event])
     LEFT JOIN signalbus.rendering AS r ON c.rendered AND r.position = ANY (ARRAY[c.position])"
);

/// What a flush wrote.
#[derive(Debug)]
pub(super) struct Written {
    pub(super) now: Timestamp,
    /// Whether receipts wait for a result.
    pub(super) parked: bool,
    owned: HashSet<LaneId>,
    /// The places of results that were applied.
    settles: HashSet<usize>,
    claims: HashMap<usize, Outcome>,
    events: HashMap<Uuid, StoredEvent>,
}

/// What became of a claim.
#[derive(Debug)]
pub(super) enum Outcome {
    Claimed {
        event: Uuid,
        recipient: u32,
        address: Option<AddressHash>,
        own: Option<Vec<u8>>,
        secret: Option<Vec<u8>>,
        rendering: Option<Vec<u8>>,
    },
    Refused(Refusal),
    Later(Timestamp),
}

/// Writes the whole batch.
pub(super) async fn write(link: &mut Link<'_>, batch: &Batch) -> Result<Written, StoreError> {
    let s = Settles::of(&batch.settles)?;
    let claims = &batch.claims;
    let epochs: HashMap<&i64, &i64> = batch.lanes.iter().zip(&batch.epochs).collect();
    let entry = |state, reason| {
        let detail = None;
        history::body(&Entry::Ended {
            state,
            reason,
            detail,
        })
    };
    let query = link
        .query(WRITE)
        .bind(link.dialect.test_time())
        .bind(&batch.lanes)
        .bind(&batch.epochs)
        .bind(s.positions)
        .bind(s.ids)
        .bind(s.lanes)
        .bind(s.generations)
        .bind(s.attempts)
        .bind(s.asked)
        .bind(s.delays)
        .bind(s.reasons)
        .bind(s.failures)
        .bind(s.suspicions)
        .bind(s.providers)
        .bind(s.message_ids)
        .bind(s.message_hashes)
        .bind(s.renderings)
        .bind(s.bodies)
        .bind(column(claims, |claim| claim.position.0))
        .bind(column(claims, |claim| *claim.id.as_uuid()))
        .bind(column(claims, |claim| lane_column(claim.lane)))
        .bind(column(claims, |claim| i64::from(claim.generation)))
        .bind(column(claims, |claim| i64::from(claim.attempt)))
        .bind(column(claims, |claim| claim.alone))
        .bind(entry(EndState::Cancelled, Reason::Cancelled)?)
        .bind(entry(EndState::Accepted, Reason::Receipt)?)
        .bind(Reason::Receipt.as_str())
        .bind(Reason::Cancelled.as_str())
        .bind(s.tries)
        .bind(s.until)
        .bind(s.memos)
        .bind(history::body(&siblings::ended())?)
        .bind(column(claims, |claim| epochs.get(&lane_column(claim.lane))));
    let rows = link.rows(query).await?;
    Written::of(&rows)
}

/// One value of each.
pub(super) fn column<T, V>(items: &[T], value: impl Fn(&T) -> V) -> Vec<V> {
    items.iter().map(value).collect()
}

impl Written {
    fn of(rows: &[PgRow]) -> Result<Self, StoreError> {
        let mut written = Self {
            now: Timestamp::UNIX_EPOCH,
            parked: false,
            owned: HashSet::new(),
            settles: HashSet::new(),
            claims: HashMap::new(),
            events: HashMap::new(),
        };
        for row in rows {
            written.add(row)?;
        }
        Ok(written)
    }

    fn add(&mut self, row: &PgRow) -> Result<(), StoreError> {
        let mut columns = Columns::of(row);
        let kind = columns.int()?;
        if kind == 1 {
            self.owned.insert(columns.lane()?);
            return Ok(());
        }
        let nth: usize = columns.number()?;
        match kind {
            0 => {
                self.now = columns.time()?;
                columns.skip(2);
                self.parked = columns.take()?;
            }
            2 => {
                self.settles.insert(nth.saturating_sub(1));
            }
            _ => self.add_claim(nth.saturating_sub(1), columns)?,
        }
        Ok(())
    }

    fn add_claim(&mut self, nth: usize, mut columns: Columns<'_>) -> Result<(), StoreError> {
        columns.skip(2);
        let recipient = columns.number()?;
        if !columns.take::<bool>()? {
            return Err(error::corrupt("the event of a delivery is missing"));
        }
        let rendering = columns.take_or_none()?;
        let (own, secret) = (columns.take_or_none()?, columns.take_or_none()?);
        let address = columns.bytes_or_none()?.map(AddressHash);
        let (event, stored) = row::event_if_whole(columns)?;
        if let Some(stored) = stored {
            self.events.insert(event, stored);
        }
        let outcome = Outcome::Claimed {
            event,
            recipient,
            address,
            own,
            secret,
            rendering,
        };
        self.claims.insert(nth, outcome);
        Ok(())
    }

    pub(super) fn is_claimed(&self, nth: usize) -> bool {
        matches!(self.claims.get(&nth), Some(Outcome::Claimed { .. }))
    }

    /// With a claim that did not get what it takes.
    pub(super) fn put_off(&mut self, nth: usize, until: Timestamp) {
        self.claims.insert(nth, Outcome::Later(until));
    }

    /// With claims that were refused.
    pub(super) fn refuse(&mut self, nth: usize, why: Refusal) {
        self.claims.insert(nth, Outcome::Refused(why));
    }

    /// Takes over the answers to claims, whose places in this flush are given.
    pub(super) fn take(&mut self, other: Self, place: impl Fn(usize) -> usize) {
        let claims = other.claims.into_iter();
        self.claims
            .extend(claims.map(|(nth, outcome)| (place(nth), outcome)));
        self.events.extend(other.events);
    }

    /// The results that were applied.
    pub(super) fn applied<'b>(&self, batch: &'b Batch) -> Vec<&'b Settle> {
        let all = batch.settles.iter().enumerate();
        all.filter(|(nth, _)| self.settles.contains(nth))
            .map(|(_, settle)| settle)
            .collect()
    }

    /// The places of claims on lanes that are owned, but that found no row as they believed it.
    pub(super) fn unanswered(&self, batch: &Batch) -> Vec<usize> {
        let all = batch.claims.iter().enumerate();
        all.filter(|(nth, claim)| {
            self.owned.contains(&claim.lane) && !self.claims.contains_key(nth)
        })
        .map(|(nth, _)| nth)
        .collect()
    }

    /// The answers in the order of the flush.
    pub(super) fn answer(mut self, batch: &Batch) -> Result<Flushed, StoreError> {
        let events: HashMap<Uuid, Arc<StoredEvent>> = self
            .events
            .drain()
            .map(|(id, event)| (id, Arc::new(event)))
            .collect();
        let settles = batch.settles.iter().enumerate().map(|(nth, settle)| {
            if !self.owned.contains(&settle.lane) {
                SettleAnswer::LaneLost
            } else if self.settles.contains(&nth) {
                SettleAnswer::Applied
            } else {
                SettleAnswer::Already
            }
        });
        let settles = settles.collect();
        let mut claims = Vec::with_capacity(batch.claims.len());
        for (nth, claim) in batch.claims.iter().enumerate() {
            claims.push(if !self.owned.contains(&claim.lane) {
                ClaimAnswer::LaneLost
            } else {
                match self.claims.remove(&nth) {
                    None => ClaimAnswer::Refused(Refusal::Moved),
                    Some(Outcome::Refused(why)) => ClaimAnswer::Refused(why),
                    Some(Outcome::Later(until)) => ClaimAnswer::Later { until },
                    Some(Outcome::Claimed {
                        event,
                        recipient,
                        address,
                        own,
                        secret,
                        rendering,
                    }) => {
                        let event = events.get(&event).map(Arc::clone);
                        let event = event
                            .ok_or_else(|| error::corrupt("the content of an event is missing"))?;
                        let mut claimed = Claimed::new(event, recipient);
                        claimed.address = address;
                        claimed.own = own.map(Into::into);
                        claimed.secret = secret.map(Into::into);
                        claimed.rendering = rendering.map(Into::into);
                        ClaimAnswer::Claimed(claimed)
                    }
                }
            });
        }
        Ok(Flushed {
            now: self.now,
            claims,
            settles,
        })
    }
}

/// A word that was borrowed, or one that had to be cleaned.
pub(super) type Word<'a> = Option<Cow<'a, str>>;
