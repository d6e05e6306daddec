//! What belongs to new events beside their deliveries: recipients, secrets, files.

use signalbus_core::store::{NewEvent, StoreError};
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    error,
};

pub(super) async fn insert_recipients(
    conn: &mut SqliteConnection,
    events: &[(i64, &NewEvent)],
) -> Result<(), StoreError> {
    let mut bytes = Bytes::default();
    let mut rows = Vec::with_capacity(events.len());
    for (number, event) in events {
        for (place, recipient) in event.recipients.iter().enumerate() {
            let (key, _) = bytes.add(&recipient.key.0);
            let (content, length) = bytes.add(&recipient.content);
            rows.push((number, place, key, content, length));
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO signalbus_recipient (event, place, key, content)
         SELECT value ->> 0, value ->> 1, substr(?2, value ->> 2, 16),
                substr(?2, value ->> 3, value ->> 4)
         FROM jsonb_each(?1)",
    )
    .bind(batch::rows(&rows)?)
    .bind(bytes.into_vec())
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// Secrets of events of which anything is to be sent.
pub(super) async fn insert_secrets(
    conn: &mut SqliteConnection,
    events: &[(i64, &NewEvent)],
) -> Result<(), StoreError> {
    let mut bytes = Bytes::default();
    let rows: Vec<_> = events
        .iter()
        .filter(|(_, event)| event.deliveries.iter().any(|one| one.ended.is_none()))
        .filter_map(|(number, event)| {
            let (body, length) = bytes.add(event.secret.as_ref()?);
            Some((number, body, length))
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO signalbus_secret (event, body)
         SELECT value ->> 0, substr(?2, value ->> 1, value ->> 2) FROM jsonb_each(?1)",
    )
    .bind(batch::rows(&rows)?)
    .bind(bytes.into_vec())
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// One statement each: here the bytes cost more than the trips.
pub(super) async fn insert_files(
    conn: &mut SqliteConnection,
    events: &[(i64, &NewEvent)],
) -> Result<(), StoreError> {
    for (number, event) in events {
        for (place, attachment) in (0_i64..).zip(&event.attachments) {
            sqlx::query(
                "INSERT INTO signalbus_attachment
                     (event, place, file_name, content_type, content_id, content)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )
            .bind(*number)
            .bind(place)
            .bind(attachment.file_name.as_str())
            .bind(attachment.content_type.as_str())
            .bind(attachment.content_id.as_deref())
            .bind(attachment.content.as_ref())
            .execute(&mut *conn)
            .await
            .map_err(error::of)?;
        }
    }
    Ok(())
}
