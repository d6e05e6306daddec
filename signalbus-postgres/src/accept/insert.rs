//! The rows of new events, in one statement: so it needs no transaction of its own, and adds one
//! round trip to that of a host.

use std::collections::HashSet;

use signalbus_core::{
    clock::Timestamp,
    id::EventId,
    store::{NewEvent, StoreError},
};
use uuid::Uuid;

use super::columns;
use crate::{
    codec::{Columns, month_of},
    database::{Link, now},
    error,
};

/// Keys first, in one order for everybody, so that two batches do not wait for each other. Whoever
/// comes second waits for the first to commit, and stores nothing.
///
/// An event of which only the id is known has no key stored: that would be the key of another.
macro_rules! insert {
    ($answer:literal) => { concat!(
    "WITH t AS MATERIALIZED (SELECT ",
    now!(),
    " AS now),
     asked AS MATERIALIZED (
         SELECT a.* FROM unnest($2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::bigint[],
                                $7::bytea[], $8::bytea[], $9::bytea[], $36::bytea[], $41::uuid[])
             WITH ORDINALITY AS a (id, tenant, topic, class, file_bytes, content, key,
                                     fingerprint, secret, parent, nth)
         WHERE NOT EXISTS (SELECT 1 FROM signalbus.event AS e WHERE e.id = ANY (ARRAY[a.id]))),
     keys AS (
         INSERT INTO signalbus.key (tenant, key, event, fingerprint)
         SELECT tenant, key, id, fingerprint FROM asked
         WHERE key IS NOT NULL ORDER BY tenant, key
         ON CONFLICT DO NOTHING RETURNING event),
     fresh AS MATERIALIZED (
         SELECT * FROM asked WHERE key IS NULL OR id IN (SELECT event FROM keys)),
     numbered AS MATERIALIZED (
         SELECT nextval('signalbus.position') AS position, n.*
         FROM (SELECT f.id AS event, f.tenant, f.class, d.*
               FROM unnest($10::integer[], $11::uuid[], $12::bigint[], $13::text[], $14::bigint[],
                           $15::bigint[], $16::smallint[], $17::bytea[], $18::bigint[],
                           $19::bigint[], $20::smallint[], $21::text[], $22::text[],
                           $29::text[], $30::text[], $31::text[], $32::uuid[],
                           $33::smallint[], $34::bytea[], $35::boolean[])
                   WITH ORDINALITY AS d (of, id, recipient, channel, lane, order_key, order_mode,
                                         address, send_at, expires_at, ended, reason, body,
                                         sender, category, pool, after, unless, gather, watched,
                                         nth)
               JOIN fresh AS f ON f.nth = d.of
               ORDER BY d.nth OFFSET 0) AS n),
     events AS (
         INSERT INTO signalbus.event
             (id, tenant, topic, class, file_bytes, accepted_at, parent, first_position, last_position,
              content)
         SELECT f.id, f.tenant, f.topic, f.class, f.file_bytes, t.now, f.parent, n.first, n.last,
                f.content
         FROM t CROSS JOIN fresh AS f
         LEFT JOIN (SELECT event, min(position) AS first, max(position) AS last
                    FROM numbered GROUP BY event) AS n ON n.event = f.id
         ORDER BY f.nth
         ON CONFLICT DO NOTHING RETURNING id),
     deliveries AS (
         INSERT INTO signalbus.delivery (position, id, event, tenant, channel, class, lane,
             order_key, order_mode, recipient, address, expires_at, accepted_at, due, state, holds,
             reason, ended_at, sender, category, pool, after, unless, gather, watched)
         SELECT n.position, n.id, n.event, n.tenant, n.channel, n.class, n.lane,
                n.order_key, n.order_mode, n.recipient, n.address, n.expires_at, t.now,
                greatest(t.now, n.send_at),
                CASE WHEN n.ended IS NOT NULL THEN n.ended WHEN n.order_mode >= 2 THEN 4
                     WHEN n.send_at > t.now THEN 1 ELSE 0 END,
                n.order_mode > 0 AND coalesce(n.ended, 10) = 10,
                n.reason, CASE WHEN n.ended IS NOT NULL THEN t.now END, n.sender, n.category,
                n.pool, n.after, n.unless, n.gather, n.watched
         FROM numbered AS n CROSS JOIN t
         WHERE n.event IN (SELECT id FROM events)
         ORDER BY n.position),
     told AS (
         INSERT INTO signalbus.history (position, at, month, version, body)
         SELECT n.position, t.now, ",
    month_of!("t.now"),
    ", 1, n.body
         FROM numbered AS n CROSS JOIN t
         WHERE n.body IS NOT NULL AND n.event IN (SELECT id FROM events)
         ORDER BY n.position),
     recipients AS (
         INSERT INTO signalbus.recipient (event, place, key, content)
         SELECT f.id, r.place, r.key, r.content
         FROM unnest($37::integer[], $38::bigint[], $39::bytea[], $40::bytea[])
             AS r (of, place, key, content)
         JOIN fresh AS f ON f.nth = r.of
         WHERE f.id IN (SELECT id FROM events)),
     secrets AS (
         INSERT INTO signalbus.secret (event, open, body)
         SELECT f.id, o.open, f.secret
         FROM fresh AS f
         JOIN (SELECT event, count(*) AS open FROM numbered WHERE ended IS NULL
               GROUP BY event) AS o ON o.event = f.id
         WHERE f.secret IS NOT NULL AND f.id IN (SELECT id FROM events)),
     files AS (
         INSERT INTO signalbus.attachment
             (event, place, file_name, content_type, content_id, content)
         SELECT f.id, a.place, a.file_name, a.content_type, a.content_id, a.content
         FROM unnest($23::integer[], $24::integer[], $25::text[], $26::text[], $27::text[],
                     $28::bytea[])
             AS a (of, place, file_name, content_type, content_id, content)
         JOIN fresh AS f ON f.nth = a.of
         WHERE f.id IN (SELECT id FROM events))
     SELECT ", $answer, " FROM t"
    ) };
}

const INSERT: &str = insert!("t.now, ARRAY(SELECT id FROM events)");

/// The same for other drivers.
pub(super) const INSERT_AS_TEXT: &str = insert!(
    "json_build_object('now', t.now, 'stored', ARRAY(SELECT id FROM events))::text AS answer"
);

/// Stores those of `events` that are new; says which, and the time.
pub(super) async fn insert(
    link: &mut Link<'_>,
    lanes: u16,
    events: &[&NewEvent],
) -> Result<(Timestamp, HashSet<EventId>), StoreError> {
    let mut query = link.query(INSERT);
    for column in columns::of(link.dialect.test_time(), lanes, events)? {
        query = column.bind_to(query);
    }
    let rows = link.rows(query).await?;
    let row = rows.first().ok_or_else(|| error::corrupt("no time"))?;
    let mut columns = Columns::of(row);
    let now = columns.time()?;
    let stored: Vec<Uuid> = columns.take()?;
    Ok((now, stored.into_iter().map(EventId::from_uuid).collect()))
}
