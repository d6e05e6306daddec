//! Recognising what was accepted before (promise P7).

use signalbus_core::{
    name::TenantId,
    store::{Acceptance, IdempotencyRecord, NewEvent, StoreError, StoredEvent},
};
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    codec::Columns,
    error, row,
};

/// An event that was stored before.
#[derive(Debug)]
pub(super) enum Known {
    /// Under the same id: the same call again, after its answer was lost.
    Same(TenantId),
    /// Under the same key.
    Key {
        stored: StoredEvent,
        fingerprint: Option<Vec<u8>>,
    },
}

impl Known {
    /// What a publish of `event` is told.
    pub(super) fn answer(self, event: &NewEvent) -> Acceptance {
        match self {
            Self::Same(tenant) if tenant == event.tenant => Acceptance::Accepted,
            Self::Same(_) => Acceptance::Conflict(event.id),
            Self::Key {
                stored,
                fingerprint,
            } => {
                let asked = event.idempotency.as_ref();
                if asked.map(|record| record.fingerprint.0.as_slice()) == fingerprint.as_deref() {
                    Acceptance::Duplicate(stored)
                } else {
                    Acceptance::Conflict(stored.id)
                }
            }
        }
    }
}

/// What stands for an idempotency key: half of its hash, which is enough to tell keys of one tenant apart, in
/// an index that is larger than the file's other ones.
pub(super) fn key(record: &IdempotencyRecord) -> [u8; 16] {
    let mut half = [0; 16];
    let whole = record.hashed();
    half.copy_from_slice(&whole[..16]);
    half
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
            let key = event.idempotency.as_ref();
            let key = key.map(|record| ids.add(&self::key(record)).0);
            (offset, &event.tenant, key)
        })
        .collect();
    let found = sqlx::query(concat!(
        "SELECT j.key, true, e.fingerprint, ",
        row::event_columns!(),
        " FROM jsonb_each(?1) AS j
          CROSS JOIN signalbus_event AS e
            ON e.tenant = j.value ->> 1 AND e.key = substr(?2, j.value ->> 2, 16)
          UNION ALL
          SELECT j.key, false, e.fingerprint, ",
        row::event_columns!(),
        " FROM jsonb_each(?1) AS j
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
        let by_key: bool = columns.take()?;
        let fingerprint = columns.take_or_none()?;
        let stored = row::event(&mut columns)?;
        if let Some(slot) = known.get_mut(item)
            && !matches!(slot, Some(Known::Same(_)))
        {
            *slot = Some(if by_key {
                Known::Key {
                    stored,
                    fingerprint,
                }
            } else {
                Known::Same(stored.tenant)
            });
        }
    }
    Ok(known)
}
