//! Events for those who send: what all recipients share, what is one's own, and the secret.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use signalbus_core::{
    event::Attachment,
    id::EventId,
    name::TenantId,
    store::{StoreError, StoredEvent},
};
use sqlx::SqliteConnection;

use crate::{batch, codec::Columns, error, row};

/// What was read of claimed deliveries, by the number of the event and the place of the recipient.
#[derive(Default)]
pub(crate) struct Contents {
    pub(crate) events: HashMap<i64, Arc<StoredEvent>>,
    pub(crate) own: HashMap<(i64, u32), Vec<u8>>,
    pub(crate) secrets: HashMap<i64, Vec<u8>>,
}

/// Reads what these recipients of events need, each event once.
pub(crate) async fn read(
    conn: &mut SqliteConnection,
    wanted: impl Iterator<Item = (i64, u32)>,
) -> Result<Contents, StoreError> {
    let mut contents = Contents::default();
    let (mut pairs, mut seen) = (HashSet::new(), HashSet::new());
    let rows: Vec<(i64, u32, bool)> = wanted
        .filter(|pair| pairs.insert(*pair))
        .map(|(event, place)| (event, place, seen.insert(event)))
        .collect();
    if rows.is_empty() {
        return Ok(contents);
    }
    let rows = sqlx::query(concat!(
        "SELECT e.event, j.value ->> 1, r.content, j.value ->> 2, s.body, ",
        row::event_columns!(),
        " FROM jsonb_each(?1) AS j
          CROSS JOIN signalbus_event AS e ON e.event = j.value ->> 0
          LEFT JOIN signalbus_recipient AS r ON r.event = e.event AND r.place = j.value ->> 1
          LEFT JOIN signalbus_secret AS s ON s.event = e.event"
    ))
    .bind(batch::rows(&rows)?)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    for row in &rows {
        let mut columns = Columns::of(row);
        let event: i64 = columns.take()?;
        let place = columns.number()?;
        if let Some(own) = columns.take_or_none()? {
            contents.own.insert((event, place), own);
        }
        if columns.take()? {
            if let Some(secret) = columns.take_or_none()? {
                contents.secrets.insert(event, secret);
            }
            let stored = row::event(&mut columns)?;
            contents.events.insert(event, Arc::new(stored));
        }
    }
    Ok(contents)
}

/// The files of an event.
pub(crate) async fn files(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    event: EventId,
) -> Result<Vec<Attachment>, StoreError> {
    let rows = sqlx::query(
        "SELECT a.file_name, a.content_type, a.content_id, a.content
         FROM signalbus_event AS e
         CROSS JOIN signalbus_attachment AS a ON a.event = e.event
         WHERE e.id = ?1 AND e.tenant = ?2 ORDER BY a.place",
    )
    .bind(event.as_uuid().as_bytes().to_vec())
    .bind(tenant.as_str().to_owned())
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            Ok(Attachment {
                file_name: columns.take()?,
                content_type: columns.take()?,
                content_id: columns.take_or_none()?,
                content: columns.take::<Vec<u8>>()?.into(),
            })
        })
        .collect()
}
