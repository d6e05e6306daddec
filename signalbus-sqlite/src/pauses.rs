//! Pauses, and what they hold.

use signalbus_core::{
    clock::Timestamp,
    store::{Pause, Paused, Released, StoreError},
};
use sqlx::SqliteConnection;

use crate::{
    batch,
    codec::{Columns, micros},
    error, order,
    states::state,
};

/// Whether the pause `p` holds the delivery `c`. There are few pauses: to walk through them is quicker than to
/// look for what may hold (`+` keeps a column from the index).
macro_rules! holds {
    () => {
        "+p.provider = '' AND +p.tenant IN ('', c.tenant) AND +p.channel IN ('', c.channel)
         AND (p.topic = ''
              OR p.topic = (SELECT e.topic FROM signalbus_event AS e WHERE e.event = c.event))"
    };
}
pub(crate) use holds;

/// The words of a pause; an empty one narrows nothing.
fn words(what: &Paused) -> [&str; 4] {
    [
        what.tenant.as_ref().map_or("", AsRef::as_ref),
        what.topic.as_ref().map_or("", AsRef::as_ref),
        what.channel.as_ref().map_or("", AsRef::as_ref),
        what.provider.as_ref().map_or("", AsRef::as_ref),
    ]
}

pub(crate) async fn pause(
    conn: &mut SqliteConnection,
    now: Timestamp,
    pause: &Pause,
) -> Result<bool, StoreError> {
    let [tenant, topic, channel, provider] = words(&pause.what);
    let done = sqlx::query(
        "INSERT INTO signalbus_pause (tenant, topic, channel, provider, actor, reason, since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT DO NOTHING",
    )
    .bind(tenant)
    .bind(topic)
    .bind(channel)
    .bind(provider)
    .bind(pause.actor.as_str())
    .bind(pause.reason.as_str())
    .bind(micros(now))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn resume(conn: &mut SqliteConnection, what: &Paused) -> Result<bool, StoreError> {
    let [tenant, topic, channel, provider] = words(what);
    let done = sqlx::query(
        "DELETE FROM signalbus_pause
         WHERE tenant = ?1 AND topic = ?2 AND channel = ?3 AND provider = ?4",
    )
    .bind(tenant)
    .bind(topic)
    .bind(channel)
    .bind(provider)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(done.rows_affected() > 0)
}

pub(crate) async fn all(conn: &mut SqliteConnection) -> Result<Vec<Pause>, StoreError> {
    let rows = sqlx::query(
        "SELECT tenant, topic, channel, provider, actor, reason, since
         FROM signalbus_pause ORDER BY pause",
    )
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let mut what = Paused::everything();
            what.tenant = columns.name_if_any()?;
            what.topic = columns.name_if_any()?;
            what.channel = columns.name_if_any()?;
            what.provider = columns.name_if_any()?;
            let (actor, reason): (String, String) = (columns.take()?, columns.take()?);
            Ok(Pause::new(what, actor, reason).since(columns.time()?))
        })
        .collect()
}

/// Puts back what no pause holds any more.
pub(crate) async fn release(
    conn: &mut SqliteConnection,
    now: Timestamp,
    limit: u32,
) -> Result<Released, StoreError> {
    let rows = sqlx::query(concat!(
        "SELECT c.position
         FROM signalbus_delivery AS c INDEXED BY signalbus_delivery_held
         WHERE c.state = ",
        state!(held),
        " AND NOT EXISTS (SELECT 1 FROM signalbus_pause AS p WHERE ",
        holds!(),
        ") ORDER BY c.position LIMIT ?1"
    ))
    .bind(i64::from(limit) + 1)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    let free = rows.iter().map(|row| Columns::of(row).take::<i64>());
    let mut positions = free.collect::<Result<Vec<_>, StoreError>>()?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = positions.len() > limit;
    positions.truncate(limit);
    sqlx::query(concat!(
        "UPDATE signalbus_delivery SET state = CASE
             WHEN due <= ?2 OR (due = accepted_at AND attempt = 0 AND generation = 0) THEN ",
        state!(ready),
        " ELSE ",
        state!(timed),
        " END
         WHERE position IN (SELECT value FROM json_each(?1))"
    ))
    .bind(batch::rows(&positions)?)
    .bind(micros(now))
    .execute(&mut *conn)
    .await
    .map_err(error::of)?;
    order::hold_back(conn, &positions).await?;
    Ok(Released {
        released: u64::try_from(positions.len()).unwrap_or(u64::MAX),
        more,
    })
}
