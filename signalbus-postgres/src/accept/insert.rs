//! The rows of new events, in one statement: so it needs no transaction of its own, and adds one
//! round trip to that of a host.

use std::{borrow::Cow, collections::HashSet};

use signalbus_core::{
    clock::Timestamp,
    id::EventId,
    store::{Entry, NewDelivery, NewEvent, StoreError},
};
use uuid::Uuid;

use crate::{
    codec::{Columns, class_code, end_code, lane_column, micros, month_of, order_code},
    database::{Link, now},
    error, history,
    text::{clean, clean_or_none},
};

/// Keys first, in one order for everybody, so that two batches do not wait for each other. Whoever
/// comes second waits for the first to commit, and stores nothing.
///
/// An event of which only the id is known has no key stored: that would be the key of another.
const INSERT: &str = concat!(
    "WITH t AS MATERIALIZED (SELECT ",
    now!(),
    " AS now),
     asked AS MATERIALIZED (
         SELECT a.* FROM unnest($2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::bigint[],
                                $7::bytea[], $8::bytea[], $9::bytea[], $36::bytea[], $41::uuid[])
             WITH ORDINALITY AS a (id, tenant, topic, class, file_bytes, content, key,
                                     fingerprint, secret, parent, nth)
         WHERE NOT EXISTS (SELECT 1 FROM signalbus.event AS e WHERE e.id = a.id)),
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
     SELECT t.now, ARRAY(SELECT id FROM events) FROM t"
);

/// Stores those of `events` that are new; says which, and the time.
pub(super) async fn insert(
    link: &mut Link<'_>,
    lanes: u16,
    events: &[&NewEvent],
) -> Result<(Timestamp, HashSet<EventId>), StoreError> {
    let (e, d) = (Events::of(events)?, Deliveries::of(lanes, events)?);
    let (r, f) = (Recipients::of(events)?, Files::of(events)?);
    let query = link
        .query(INSERT)
        .bind(link.dialect.test_time())
        .bind(e.ids)
        .bind(e.tenants)
        .bind(e.topics)
        .bind(e.classes)
        .bind(e.file_bytes)
        .bind(e.contents)
        .bind(e.keys)
        .bind(e.fingerprints)
        .bind(d.of)
        .bind(d.ids)
        .bind(d.recipients)
        .bind(d.channels)
        .bind(d.lanes)
        .bind(d.order_keys)
        .bind(d.order_modes)
        .bind(d.addresses)
        .bind(d.send_at)
        .bind(d.expires_at)
        .bind(d.ended)
        .bind(d.reasons)
        .bind(d.bodies)
        .bind(f.of)
        .bind(f.places)
        .bind(f.names)
        .bind(f.types)
        .bind(f.content_ids)
        .bind(f.contents)
        .bind(d.senders)
        .bind(d.categories)
        .bind(d.pools)
        .bind(d.after)
        .bind(d.unless)
        .bind(d.gather)
        .bind(d.watched)
        .bind(e.secrets)
        .bind(r.of)
        .bind(r.places)
        .bind(r.keys)
        .bind(r.contents)
        .bind(e.parents);
    let rows = link.rows(query).await?;
    let row = rows.first().ok_or_else(|| error::corrupt("no time"))?;
    let mut columns = Columns::of(row);
    let now = columns.time()?;
    let stored: Vec<Uuid> = columns.take()?;
    Ok((now, stored.into_iter().map(EventId::from_uuid).collect()))
}

/// Columns of events.
#[derive(Default)]
struct Events<'a> {
    ids: Vec<Uuid>,
    tenants: Vec<&'a str>,
    topics: Vec<&'a str>,
    classes: Vec<i16>,
    file_bytes: Vec<i64>,
    contents: Vec<&'a [u8]>,
    secrets: Vec<Option<&'a [u8]>>,
    parents: Vec<Option<Uuid>>,
    keys: Vec<Option<Vec<u8>>>,
    fingerprints: Vec<Option<&'a [u8]>>,
}

impl<'a> Events<'a> {
    fn of(events: &[&'a NewEvent]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for event in events {
            let key = event.idempotency.as_ref();
            columns.ids.push(*event.id.as_uuid());
            columns.tenants.push(event.tenant.as_str());
            columns.topics.push(event.topic.as_str());
            columns.classes.push(small(class_code(event.class))?);
            columns
                .file_bytes
                .push(i64::try_from(event.file_bytes()).unwrap_or(i64::MAX));
            columns.secrets.push(event.secret.as_deref());
            columns
                .parents
                .push(event.parent.map(|parent| *parent.as_uuid()));
            columns.contents.push(&event.content);
            columns.keys.push(key.map(|key| key.hashed().to_vec()));
            columns
                .fingerprints
                .push(key.map(|key| key.fingerprint.0.as_slice()));
        }
        Ok(columns)
    }
}

/// Columns of deliveries; `of` is the number of the event, from one.
#[derive(Default)]
struct Deliveries<'a> {
    of: Vec<i32>,
    ids: Vec<Uuid>,
    recipients: Vec<i64>,
    channels: Vec<Option<&'a str>>,
    lanes: Vec<i64>,
    order_keys: Vec<i64>,
    order_modes: Vec<i16>,
    addresses: Vec<Option<&'a [u8]>>,
    send_at: Vec<Option<i64>>,
    expires_at: Vec<Option<i64>>,
    ended: Vec<Option<i16>>,
    reasons: Vec<Option<Cow<'a, str>>>,
    bodies: Vec<Option<String>>,
    senders: Vec<Option<Cow<'a, str>>>,
    categories: Vec<Option<Cow<'a, str>>>,
    pools: Vec<&'a str>,
    after: Vec<Option<Uuid>>,
    unless: Vec<Option<i16>>,
    gather: Vec<Option<&'a [u8]>>,
    watched: Vec<bool>,
}

impl<'a> Deliveries<'a> {
    fn of(lanes: u16, events: &[&'a NewEvent]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (of, event) in (1..).zip(events) {
            for delivery in &event.deliveries {
                columns.push((of, event), lanes, delivery)?;
            }
        }
        Ok(columns)
    }

    fn push(
        &mut self,
        (of, event): (i32, &NewEvent),
        lanes: u16,
        delivery: &'a NewDelivery,
    ) -> Result<(), StoreError> {
        self.of.push(of);
        self.ids.push(*delivery.id.as_uuid());
        self.recipients.push(i64::from(delivery.recipient));
        self.channels
            .push(delivery.channel.as_ref().map(|channel| channel.as_str()));
        let lane = delivery
            .recipient_key
            .lane(delivery.channel.as_ref(), lanes);
        self.lanes.push(lane_column(lane));
        self.order_keys.push(delivery.order_key.cast_signed());
        self.order_modes.push(small(order_code(delivery.order))?);
        self.addresses
            .push(delivery.address.as_ref().map(|hash| hash.0.as_slice()));
        self.send_at.push(delivery.due(event).map(micros));
        self.expires_at.push(delivery.expires_at.map(micros));
        let ended = delivery.ended.as_ref();
        self.ended
            .push(ended.map(|(end, _)| small(end_code(*end))).transpose()?);
        self.reasons
            .push(clean_or_none(ended.map(|(_, reason)| reason.as_str())));
        self.senders.push(clean_or_none(delivery.sender.as_deref()));
        self.categories
            .push(clean_or_none(delivery.category.as_deref()));
        self.pools
            .push(delivery.pool.as_ref().map_or("", |pool| pool.as_str()));
        let after = delivery.after;
        self.after.push(after.map(|after| *after.sibling.as_uuid()));
        self.unless.push(after.map(|after| i16::from(after.unless)));
        self.gather
            .push(delivery.gather.as_ref().map(|key| key.0.as_slice()));
        self.watched.push(delivery.watched);
        let entry = ended.map(|(state, reason)| Entry::Ended {
            state: *state,
            reason: reason.clone(),
            detail: delivery.detail.clone(),
        });
        self.bodies
            .push(entry.as_ref().map(history::body).transpose()?);
        Ok(())
    }
}

/// Columns of recipients.
#[derive(Default)]
struct Recipients<'a> {
    of: Vec<i32>,
    places: Vec<i64>,
    keys: Vec<&'a [u8]>,
    contents: Vec<&'a [u8]>,
}

impl<'a> Recipients<'a> {
    fn of(events: &[&'a NewEvent]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (of, event) in (1..).zip(events) {
            for (place, recipient) in event.recipients.iter().enumerate() {
                columns.of.push(of);
                columns.places.push(i64::from(count(place)?));
                columns.keys.push(&recipient.key.0);
                columns.contents.push(&recipient.content);
            }
        }
        Ok(columns)
    }
}

/// Columns of files.
#[derive(Default)]
struct Files<'a> {
    of: Vec<i32>,
    places: Vec<i32>,
    names: Vec<Cow<'a, str>>,
    types: Vec<Cow<'a, str>>,
    content_ids: Vec<Option<Cow<'a, str>>>,
    contents: Vec<&'a [u8]>,
}

impl<'a> Files<'a> {
    fn of(events: &[&'a NewEvent]) -> Result<Self, StoreError> {
        let mut columns = Self::default();
        for (of, event) in (1..).zip(events) {
            for (place, file) in event.attachments.iter().enumerate() {
                columns.of.push(of);
                columns.places.push(count(place)?);
                columns.names.push(clean(&file.file_name));
                columns.types.push(clean(&file.content_type));
                columns
                    .content_ids
                    .push(clean_or_none(file.content_id.as_deref()));
                columns.contents.push(&file.content);
            }
        }
        Ok(columns)
    }
}

fn small(code: i64) -> Result<i16, StoreError> {
    i16::try_from(code).map_err(|_| error::invalid("a code is out of its range"))
}

fn count(length: usize) -> Result<i32, StoreError> {
    i32::try_from(length).map_err(|_| error::invalid("the batch is too large"))
}
