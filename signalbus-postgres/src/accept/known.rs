//! Recognising what was accepted before (promise P7).

use signalbus_core::{
    name::TenantId,
    store::{Acceptance, NewEvent, StoreError, StoredEvent},
};

use crate::{codec::Columns, database::Link, row};

/// An event that was stored before.
#[derive(Debug)]
pub(super) enum Known {
    /// Under the same id: the same call again, after its answer was lost.
    Same(TenantId),
    /// Under the same key.
    Key {
        stored: StoredEvent,
        fingerprint: Vec<u8>,
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
                if asked.is_some_and(|record| record.fingerprint.0.as_slice() == fingerprint) {
                    Acceptance::Duplicate(stored)
                } else {
                    Acceptance::Conflict(stored.id)
                }
            }
        }
    }
}

/// What is known of each of `events`, in their order.
pub(super) async fn find(
    link: &mut Link<'_>,
    events: &[&NewEvent],
) -> Result<Vec<Option<Known>>, StoreError> {
    let ids: Vec<uuid::Uuid> = events.iter().map(|event| *event.id.as_uuid()).collect();
    let tenants: Vec<&str> = events.iter().map(|event| event.tenant.as_str()).collect();
    let keys: Vec<Option<Vec<u8>>> = events
        .iter()
        .map(|event| {
            event
                .idempotency
                .as_ref()
                .map(|record| record.hashed().to_vec())
        })
        .collect();
    let query = link
        .query(concat!(
            "WITH asked AS (
                 SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])
                 WITH ORDINALITY AS a (id, tenant, key, nth))
             SELECT a.nth, true, k.fingerprint, ",
            row::event_columns!(),
            " FROM asked AS a
              JOIN signalbus.key AS k ON k.tenant = a.tenant AND k.key = a.key
              JOIN signalbus.event AS e ON e.id = k.event
              UNION ALL
              SELECT a.nth, false, NULL, ",
            row::event_columns!(),
            " FROM asked AS a JOIN signalbus.event AS e ON e.id = a.id"
        ))
        .bind(ids)
        .bind(tenants)
        .bind(keys);
    let rows = link.rows(query).await?;
    let mut known: Vec<Option<Known>> = Vec::new();
    known.resize_with(events.len(), || None);
    for row in &rows {
        let mut columns = Columns::of(row);
        let nth: usize = columns.number()?;
        let by_key: bool = columns.take()?;
        let fingerprint: Option<Vec<u8>> = columns.take_or_none()?;
        let stored = row::event(&mut columns)?;
        if let Some(slot) = known.get_mut(nth.saturating_sub(1))
            && !matches!(slot, Some(Known::Same(_)))
        {
            *slot = Some(if by_key {
                Known::Key {
                    stored,
                    fingerprint: fingerprint.unwrap_or_default(),
                }
            } else {
                Known::Same(stored.tenant)
            });
        }
    }
    Ok(known)
}
