//! The rows of new events.

use signalbus_core::{
    clock::Timestamp,
    store::{EndState, Entry, NewDelivery, NewEvent, Reason, StoreError},
};
use sqlx::SqliteConnection;

use super::{known, parts};
use crate::{
    batch::{self, Bytes},
    codec::{class_code, micros, order_code},
    error, history, order,
    states::{READY, TIMED, end_code, state},
};

/// Stores events that are new.
pub(super) async fn insert(
    conn: &mut SqliteConnection,
    now: Timestamp,
    lanes: u16,
    events: &[&NewEvent],
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    let deliveries = events.iter().map(|event| event.deliveries.len()).sum();
    let first_event = reserve(conn, "next_event", events.len()).await?;
    let first_position = reserve(conn, "next_position", deliveries).await?;
    let numbered: Vec<(i64, &NewEvent)> = (first_event..).zip(events.iter().copied()).collect();
    insert_events(conn, now, &numbered, first_position).await?;
    parts::insert_recipients(conn, &numbered).await?;
    parts::insert_secrets(conn, &numbered).await?;
    parts::insert_files(conn, &numbered).await?;
    let rows: Vec<Row<'_>> = numbered
        .iter()
        .flat_map(|(number, event)| event.deliveries.iter().map(|d| (*number, *event, d)))
        .zip(first_position..)
        .map(|((number, event, delivery), position)| Row {
            position,
            number,
            event,
            delivery,
        })
        .collect();
    insert_deliveries(conn, now, lanes, &rows).await?;
    history::append(conn, now, &ended(&rows)).await?;
    let strict: Vec<i64> = rows
        .iter()
        .filter(|row| row.delivery.order.is_strict() && row.delivery.ended.is_none())
        .map(|row| row.position)
        .collect();
    order::hold_back(conn, &strict).await
}

struct Row<'a> {
    position: i64,
    number: i64,
    event: &'a NewEvent,
    delivery: &'a NewDelivery,
}

/// Takes `count` numbers that nobody had before; gives the first.
async fn reserve(conn: &mut SqliteConnection, name: &str, count: usize) -> Result<i64, StoreError> {
    let count = i64::try_from(count).map_err(|_| error::invalid("the batch is too large"))?;
    sqlx::query_scalar(
        "UPDATE signalbus_meta SET value = value + ?2 WHERE name = ?1 RETURNING value - ?2",
    )
    .bind(name)
    .bind(count)
    .fetch_one(conn)
    .await
    .map_err(error::of)
}

async fn insert_events(
    conn: &mut SqliteConnection,
    now: Timestamp,
    events: &[(i64, &NewEvent)],
    first_position: i64,
) -> Result<(), StoreError> {
    let mut bytes = Bytes::default();
    let mut first = first_position;
    let mut rows = Vec::with_capacity(events.len());
    for (number, event) in events {
        let deliveries = i64::try_from(event.deliveries.len())
            .map_err(|_| error::invalid("an event has too many deliveries"))?;
        let (id, _) = bytes.add(event.id.as_uuid().as_bytes());
        let (content, length) = bytes.add(&event.content);
        let key = event.idempotency.as_ref();
        let fingerprint = key.map(|key| bytes.add(&key.fingerprint.0).0);
        rows.push((
            number,
            id,
            &event.tenant,
            &event.topic,
            class_code(event.class),
            first,
            deliveries,
            event.file_bytes(),
            key.map(|key| bytes.add(&known::key(key)).0),
            fingerprint,
            content,
            length,
            event
                .parent
                .map(|parent| bytes.add(parent.as_uuid().as_bytes()).0),
        ));
        first += deliveries;
    }
    sqlx::query(
        "INSERT INTO signalbus_event (event, id, tenant, topic, class, accepted_at,
             first_position, deliveries, file_bytes, key, fingerprint, content, parent)
         SELECT value ->> 0, substr(?2, value ->> 1, 16), value ->> 2, value ->> 3, value ->> 4,
                ?3, value ->> 5, value ->> 6, value ->> 7,
                substr(?2, value ->> 8, 16), substr(?2, value ->> 9, 32),
                substr(?2, value ->> 10, value ->> 11), substr(?2, value ->> 12, 16)
         FROM jsonb_each(?1)",
    )
    .bind(batch::rows(&rows)?)
    .bind(bytes.into_vec())
    .bind(micros(now))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

async fn insert_deliveries(
    conn: &mut SqliteConnection,
    now: Timestamp,
    lanes: u16,
    rows: &[Row<'_>],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let now = micros(now);
    let mut bytes = Bytes::default();
    // What most deliveries have none of is not looked for in a batch that has none of it.
    let special = rows.iter().any(|row| is_special(row.delivery));
    let rows: Vec<_> = rows
        .iter()
        .map(|row| {
            let delivery = row.delivery;
            let due = delivery.due(row.event).map_or(now, micros).max(now);
            let (state, holds) = match &delivery.ended {
                Some((end, _)) => (end_code(*end), *end == EndState::Dead),
                None if due > now => (TIMED, true),
                None => (READY, true),
            };
            let mode = order_code(delivery.order);
            let (id, _) = bytes.add(delivery.id.as_uuid().as_bytes());
            let address = delivery.address.map(|hash| bytes.add(&hash.0).0);
            let after = delivery
                .after
                .map(|after| bytes.add(after.sibling.as_uuid().as_bytes()).0);
            let gather = delivery.gather.map(|key| bytes.add(&key.0).0);
            (
                row.position,
                id,
                row.number,
                &row.event.tenant,
                &delivery.channel,
                class_code(row.event.class),
                delivery
                    .recipient_key
                    .lane(delivery.channel.as_ref(), lanes)
                    .get(),
                delivery.order_key.cast_signed(),
                mode,
                delivery.recipient,
                address,
                delivery.expires_at.map(micros),
                state,
                i64::from(holds && mode > 0),
                due,
                // A tuple of serde's has sixteen places.
                (
                    delivery.ended.as_ref().map(|(_, reason)| reason),
                    &delivery.sender,
                    &delivery.category,
                    delivery.pool.as_ref().map_or("", |pool| pool.as_str()),
                    after,
                    delivery.after.map(|after| after.unless),
                    gather,
                    delivery.watched,
                ),
            )
        })
        .collect();
    sqlx::query(concat!(
        "INSERT INTO signalbus_delivery (position, id, event, tenant, channel, class, lane,
             order_key, order_mode, recipient, address, expires_at,
             state, holds, due, reason, sender, category, pool, after, unless, gather, watched,
             accepted_at, ended_at)
         SELECT value ->> 0, substr(?2, value ->> 1, 16), value ->> 2,
                value ->> 3, value ->> 4, value ->> 5,
                value ->> 6,
                value ->> 7, value ->> 8, value ->> 9,
                substr(?2, value ->> 10, 16), value ->> 11,
                value ->> 12, value ->> 13, value ->> 14,
                CASE WHEN ?4 THEN value ->> '$[15][0]' END,
                CASE WHEN ?4 THEN value ->> '$[15][1]' END,
                CASE WHEN ?4 THEN value ->> '$[15][2]' END,
                CASE WHEN ?4 THEN value ->> '$[15][3]' ELSE '' END,
                CASE WHEN ?4 THEN substr(?2, value ->> '$[15][4]', 16) END,
                CASE WHEN ?4 THEN value ->> '$[15][5]' END,
                CASE WHEN ?4 THEN substr(?2, value ->> '$[15][6]', 16) END,
                CASE WHEN ?4 THEN value ->> '$[15][7]' ELSE 0 END, ?3,
                CASE WHEN value ->> 12 >= ",
        state!(first_end),
        " THEN ?3 END
         FROM jsonb_each(?1)"
    ))
    .bind(batch::rows(&rows)?)
    .bind(bytes.into_vec())
    .bind(now)
    .bind(special)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// Whether it has anything of the inner tuple.
fn is_special(delivery: &NewDelivery) -> bool {
    delivery.ended.is_some()
        || delivery.sender.is_some()
        || delivery.category.is_some()
        || delivery.pool.is_some()
        || delivery.after.is_some()
        || delivery.gather.is_some()
        || delivery.watched
}

fn ended(rows: &[Row<'_>]) -> Vec<(i64, Entry)> {
    rows.iter()
        .filter_map(|row| {
            let (state, reason): &(EndState, Reason) = row.delivery.ended.as_ref()?;
            let (state, reason) = (*state, reason.clone());
            let detail = row.delivery.detail.clone();
            let entry = Entry::Ended {
                state,
                reason,
                detail,
            };
            Some((row.position, entry))
        })
        .collect()
}
