//! Recognising what was accepted before (promise P7).

use signalbus::store::{Acceptance, NewEvent, StoreError, StoredEvent};
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    codec::Columns,
    error, row,
};

/// An event that was stored before, under the same key or the same id.
#[derive(Debug)]
pub(super) struct Known {
    stored: StoredEvent,
    fingerprint: Option<Vec<u8>>,
    by_key: bool,
}

impl Known {
    /// What a publish of `event` is told.
    pub(super) fn answer(self, event: &NewEvent) -> Acceptance {
        let same = !self.by_key
            || event
                .idempotency
                .as_ref()
                .is_some_and(|record| self.fingerprint.as_deref() == Some(&record.fingerprint.0));
        if same {
            Acceptance::Duplicate(self.stored)
        } else {
            Acceptance::Conflict(self.stored.id)
        }
    }
}

/// What is known of each of `events`, in their order.
pub(super) async fn find(
    conn: &mut SqliteConnection,
    events: &[NewEvent],
) -> Result<Vec<Option<Known>>, StoreError> {
    let mut ids = Bytes::default();
    let rows: Vec<_> = events
        .iter()
        .map(|event| {
            let (offset, _) = ids.add(event.id.as_uuid().as_bytes());
            let key = event.idempotency.as_ref().map(|record| &record.key);
            (offset, &event.tenant, key)
        })
        .collect();
    let found = sqlx::query(concat!(
        "SELECT j.key, true, e.fingerprint, ",
        row::event_columns!(),
        " FROM json_each(?1) AS j
          CROSS JOIN signalbus_event AS e
            ON e.tenant = j.value ->> 1 AND e.key = j.value ->> 2
          UNION ALL
          SELECT j.key, false, e.fingerprint, ",
        row::event_columns!(),
        " FROM json_each(?1) AS j
          CROSS JOIN signalbus_event AS e ON e.id = substr(?2, j.value ->> 0, 16)"
    ))
    .bind(batch::rows(&rows)?)
    .bind(ids.into_vec())
    .fetch_all(conn)
    .await
    .map_err(error::of)?;
    let mut known: Vec<Option<Known>> = Vec::new();
    known.resize_with(events.len(), || None);
    for row in &found {
        let mut columns = Columns::of(row);
        let item: usize = columns.number()?;
        let by_key = columns.take()?;
        let fingerprint = columns.take()?;
        let Some(slot) = known.get_mut(item) else {
            continue;
        };
        if slot.as_ref().is_none_or(|known| !known.by_key) {
            *slot = Some(Known {
                stored: row::event(&mut columns)?,
                fingerprint,
                by_key,
            });
        }
    }
    Ok(known)
}
