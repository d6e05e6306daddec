//! Forgetting one person, over all tables.

use signalbus_core::{
    clock::Timestamp,
    store::{EndState, Entry, Erase, Erased, Reason, StoreError},
};
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    codec::{Columns, micros},
    error, history,
    order::{self, OrderKey},
    receipts, secret, siblings,
    states::{FIRST_END, SENDING, end_code, state},
    stretches::{deliveries_to, recipients_with},
};

/// The place of a recipient in an event.
type Place = (i64, i64);

/// A delivery of theirs.
struct Theirs {
    position: i64,
    state: i64,
    key: OrderKey,
}

/// Forgets what is kept of a person, up to a number of recipients.
pub(crate) async fn erase(
    conn: &mut SqliteConnection,
    now: Timestamp,
    erase: &Erase,
) -> Result<Erased, StoreError> {
    let limit = usize::try_from(erase.limit).unwrap_or(usize::MAX);
    let mut places = find(conn, erase).await?;
    let mut erased = Erased {
        more: places.len() > limit,
        ..Erased::default()
    };
    places.truncate(limit);
    if places.is_empty() {
        return Ok(erased);
    }
    let deliveries = deliveries(conn, &places).await?;
    let positions: Vec<i64> = deliveries.iter().map(|one| one.position).collect();
    let positions = batch::rows(&positions)?;

    erased.receipts = receipts::forget_for(conn, &positions).await?;
    erased.cancelled = end(conn, now, &positions).await?;
    erased.renderings = run(
        conn,
        "DELETE FROM signalbus_rendering WHERE position IN (SELECT value FROM json_each(?1))",
        &positions,
    )
    .await?;
    erased.message_ids = run(
        conn,
        "UPDATE signalbus_delivery SET rendered = 0, message_id = NULL, message_hash = NULL
         WHERE position IN (SELECT value FROM json_each(?1)) AND message_id IS NOT NULL",
        &positions,
    )
    .await?;
    run(
        conn,
        "UPDATE signalbus_delivery SET rendered = 0
         WHERE position IN (SELECT value FROM json_each(?1)) AND rendered",
        &positions,
    )
    .await?;
    history::erase(conn, &positions).await?;
    tell(conn, now, erase, &deliveries).await?;
    erased.recipients = run(
        conn,
        "UPDATE signalbus_recipient SET content = NULL
         WHERE (event, place) IN (SELECT value ->> 0, value ->> 1 FROM jsonb_each(?1))",
        &batch::rows(&places)?,
    )
    .await?;
    forget_events(conn, &places, &mut erased).await?;
    let open = deliveries.iter().filter(|one| one.state < FIRST_END);
    let ended: Vec<i64> = open.map(|one| one.position).collect();
    let keys: Vec<OrderKey> = deliveries.into_iter().map(|one| one.key).collect();
    order::let_go(conn, micros(now), &keys).await?;
    siblings::decide(conn, now, ended, &[]).await?;
    Ok(erased)
}

async fn run(
    conn: &mut SqliteConnection,
    sql: &'static str,
    rows: &str,
) -> Result<u64, StoreError> {
    let done = sqlx::query(sql)
        .bind(rows.to_owned())
        .execute(conn)
        .await
        .map_err(error::of)?;
    Ok(done.rows_affected())
}

async fn find(conn: &mut SqliteConnection, erase: &Erase) -> Result<Vec<Place>, StoreError> {
    let mut bytes = Bytes::default();
    let keys: Vec<usize> = erase.keys.iter().map(|key| bytes.add(&key.0).0).collect();
    let addresses = erase.addresses.iter();
    let addresses: Vec<usize> = addresses.map(|hash| bytes.add(&hash.0).0).collect();
    let rows = sqlx::query(concat!(
        "SELECT r.event, r.place
         FROM json_each(?1) AS j
         CROSS JOIN ",
        recipients_with!("substr(?3, j.value, 16)"),
        " CROSS JOIN signalbus_event AS e ON e.event = r.event
         WHERE e.tenant = ?4 AND r.content IS NOT NULL
         UNION
         SELECT r.event, r.place
         FROM json_each(?2) AS j
         CROSS JOIN ",
        deliveries_to!("substr(?3, j.value, 16)"),
        " CROSS JOIN signalbus_recipient AS r ON r.event = a.event AND r.place = a.recipient
         WHERE a.tenant = ?4 AND r.content IS NOT NULL
         ORDER BY 1, 2 LIMIT ?5"
    ))
    .bind(batch::rows(&keys)?)
    .bind(batch::rows(&addresses)?)
    .bind(bytes.into_vec())
    .bind(erase.tenant.as_str().to_owned())
    .bind(i64::from(erase.limit) + 1)
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

async fn deliveries(
    conn: &mut SqliteConnection,
    places: &[Place],
) -> Result<Vec<Theirs>, StoreError> {
    let rows = sqlx::query(
        "SELECT d.position, d.state, d.order_key, d.tenant
         FROM jsonb_each(?1) AS j
         CROSS JOIN signalbus_event AS e ON e.event = j.value ->> 0
         CROSS JOIN signalbus_delivery AS d
           ON d.position >= e.first_position AND d.position < e.first_position + e.deliveries
          AND d.recipient = j.value ->> 1
         ORDER BY d.position",
    )
    .bind(batch::rows(places)?)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(Theirs {
                position: columns.take()?,
                state: columns.take()?,
                key: OrderKey(columns.take()?, columns.take()?),
            })
        })
        .collect()
}

/// Ends what is open, also what is in flight: its result then finds no claim.
async fn end(
    conn: &mut SqliteConnection,
    now: Timestamp,
    positions: &str,
) -> Result<u64, StoreError> {
    let done = sqlx::query(concat!(
        "UPDATE signalbus_delivery
         SET state = ?2, holds = 0, cancelled = 1, reason = ?3, ended_at = ?4,
             claim_epoch = NULL, claimed_at = NULL, alone = NULL
         WHERE position IN (SELECT value FROM json_each(?1)) AND state < ",
        state!(first_end)
    ))
    .bind(positions.to_owned())
    .bind(end_code(EndState::Cancelled))
    .bind(Reason::Erased.as_str())
    .bind(micros(now))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(done.rows_affected())
}

async fn tell(
    conn: &mut SqliteConnection,
    now: Timestamp,
    erase: &Erase,
    deliveries: &[Theirs],
) -> Result<(), StoreError> {
    let entries = deliveries.iter().map(|one| {
        let (actor, in_flight) = (erase.actor.clone(), one.state == SENDING);
        (one.position, Entry::Erased { actor, in_flight })
    });
    history::append(conn, now, &entries.collect::<Vec<_>>()).await
}

/// What is left of events whose recipients are all erased; and secrets that nothing needs any more.
async fn forget_events(
    conn: &mut SqliteConnection,
    places: &[Place],
    erased: &mut Erased,
) -> Result<(), StoreError> {
    let events: Vec<i64> = places.iter().map(|(event, _)| *event).collect();
    let empty: Vec<i64> = sqlx::query_scalar(
        "SELECT DISTINCT j.value FROM json_each(?1) AS j
         WHERE NOT EXISTS (SELECT 1 FROM signalbus_recipient AS r
                           WHERE r.event = j.value AND r.content IS NOT NULL)",
    )
    .bind(batch::rows(&events)?)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    // Nothing of these is open: whatever was has just ended.
    erased.secrets = secret::forget(conn, &events).await?;
    let empty = batch::rows(&empty)?;
    erased.files = run(
        conn,
        "DELETE FROM signalbus_attachment WHERE event IN (SELECT value FROM json_each(?1))",
        &empty,
    )
    .await?;
    erased.events = run(
        conn,
        "UPDATE signalbus_event SET content = x'', file_bytes = 0
         WHERE event IN (SELECT value FROM json_each(?1))",
        &empty,
    )
    .await?;
    Ok(())
}
