//! Events with their files, for those who send.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use signalbus_core::{
    event::Attachment,
    store::{StoreError, StoredEvent},
};
use sqlx::SqliteConnection;

use crate::{batch, codec::Columns, error, row};

/// Reads each of these events once, by its number.
pub(crate) async fn events(
    conn: &mut SqliteConnection,
    numbers: impl Iterator<Item = i64>,
) -> Result<HashMap<i64, Arc<StoredEvent>>, StoreError> {
    let numbers: HashSet<i64> = numbers.collect();
    if numbers.is_empty() {
        return Ok(HashMap::new());
    }
    let numbers: Vec<i64> = numbers.into_iter().collect();
    let rows = sqlx::query(concat!(
        "SELECT e.event, e.attachments > 0, ",
        row::event_columns!(),
        " FROM json_each(?1) AS j CROSS JOIN signalbus_event AS e ON e.event = j.value"
    ))
    .bind(batch::rows(&numbers)?)
    .fetch_all(&mut *conn)
    .await
    .map_err(error::of)?;
    let mut events = HashMap::with_capacity(rows.len());
    let mut with_files = Vec::new();
    for row in &rows {
        let mut columns = Columns::of(row);
        let number: i64 = columns.take()?;
        if columns.take()? {
            with_files.push(number);
        }
        events.insert(number, row::event(&mut columns)?);
    }
    add_files(conn, &with_files, &mut events).await?;
    Ok(events
        .into_iter()
        .map(|(number, event)| (number, Arc::new(event)))
        .collect())
}

async fn add_files(
    conn: &mut SqliteConnection,
    numbers: &[i64],
    events: &mut HashMap<i64, StoredEvent>,
) -> Result<(), StoreError> {
    if numbers.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(
        "SELECT a.event, a.file_name, a.content_type, a.content_id, a.content
         FROM signalbus_attachment AS a
         WHERE a.event IN (SELECT value FROM json_each(?1)) ORDER BY a.event, a.place",
    )
    .bind(batch::rows(numbers)?)
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    for row in &rows {
        let mut columns = Columns::of(row);
        let Some(event) = events.get_mut(&columns.take()?) else {
            continue;
        };
        event.attachments.push(Attachment {
            file_name: columns.take()?,
            content_type: columns.take()?,
            content_id: columns.take_or_none()?,
            content: columns.take::<Vec<u8>>()?.into(),
        });
    }
    Ok(())
}
