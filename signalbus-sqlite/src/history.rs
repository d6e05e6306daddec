//! The history of deliveries: only ever added to.

use signalbus_core::{
    clock::Timestamp,
    store::{Entry, HistoryEntry, StoreError},
};
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    codec::{Columns, micros},
    error,
};

/// The version of the JSON in `signalbus_history.body`.
const VERSION: i64 = 1;

/// Adds entries; those of one delivery in their order.
pub(crate) async fn append(
    conn: &mut SqliteConnection,
    now: Timestamp,
    entries: &[(i64, Entry)],
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    let mut bodies = Bytes::default();
    let mut rows = Vec::with_capacity(entries.len());
    for (position, entry) in entries {
        let body = serde_json::to_vec(entry).map_err(|source| {
            error::invalid("a history entry cannot be written as JSON").with_source(source)
        })?;
        let (offset, length) = bodies.add(&body);
        rows.push((*position, offset, length));
    }
    sqlx::query(
        "INSERT INTO signalbus_history (position, entry, at, version, body)
         SELECT value ->> 0,
                1 + key + coalesce((SELECT max(entry) FROM signalbus_history AS last
                                    WHERE last.position = (value ->> 0)), 0),
                ?3, ?4, CAST(substr(?2, value ->> 1, value ->> 2) AS TEXT)
         FROM jsonb_each(?1)",
    )
    .bind(batch::rows(&rows)?)
    .bind(bodies.into_vec())
    .bind(micros(now))
    .bind(VERSION)
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// All entries of a delivery, oldest first.
pub(crate) async fn read(
    conn: &mut SqliteConnection,
    position: i64,
) -> Result<Vec<HistoryEntry>, StoreError> {
    let rows = sqlx::query(
        "SELECT at, version, body FROM signalbus_history WHERE position = ?1 ORDER BY entry",
    )
    .bind(position)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| entry(&mut Columns::of(row)))
        .collect()
}

/// An entry as its time, version and body.
pub(crate) fn entry(columns: &mut Columns<'_>) -> Result<HistoryEntry, StoreError> {
    let at = columns.time()?;
    let (version, body): (i64, &str) = (columns.take()?, columns.take()?);
    // What a newer version wrote is shown as it is.
    let entry = if version == VERSION {
        serde_json::from_str(body).map_err(|source| {
            error::corrupt("a history entry cannot be read").with_source(source)
        })?
    } else {
        Entry::Other(serde_json::from_str(body).unwrap_or_else(|_| body.into()))
    };
    Ok(HistoryEntry { at, entry })
}
