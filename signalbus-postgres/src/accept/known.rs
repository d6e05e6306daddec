//! Recognising what was accepted before (promise P7).

use std::borrow::Cow;

use signalbus_core::{
    name::TenantId,
    store::{Acceptance, NewEvent, StoreError, StoredEvent},
};

use super::columns::Column;
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

macro_rules! find {
    () => {
        concat!(
            "WITH asked AS (
                 SELECT * FROM unnest($1::uuid[], $2::text[], $3::bytea[])
                 WITH ORDINALITY AS a (id, tenant, key, nth))
             SELECT a.nth, true AS by_key, k.fingerprint, ",
            row::event_columns!(),
            " FROM asked AS a
              JOIN signalbus.key AS k
                  ON k.tenant = ANY (ARRAY[a.tenant]) AND k.key = ANY (ARRAY[a.key])
              JOIN signalbus.event AS e ON e.id = ANY (ARRAY[k.event])
              UNION ALL
              SELECT a.nth, false, NULL, ",
            row::event_columns!(),
            " FROM asked AS a JOIN signalbus.event AS e ON e.id = ANY (ARRAY[a.id])"
        )
    };
}

/// The same for other drivers.
pub(super) const FIND_AS_TEXT: &str = concat!(
    "SELECT coalesce(json_agg(json_build_object('nth', f.nth, 'by_key', f.by_key,
         'fingerprint', encode(f.fingerprint, 'hex'), 'id', f.id, 'tenant', f.tenant,
         'topic', f.topic, 'class', f.class, 'accepted_at', f.accepted_at,
         'content', encode(f.content, 'hex'))), '[]')::text AS answer FROM (",
    find!(),
    ") AS f"
);

/// The parameters of the statement.
pub(super) fn columns<'a>(events: &[&'a NewEvent]) -> [Column<'a>; 3] {
    let ids = events.iter().map(|event| Some(*event.id.as_uuid()));
    let tenants = events
        .iter()
        .map(|event| Some(Cow::Borrowed(event.tenant.as_str())));
    let keys = events.iter().map(|event| {
        let key = event.idempotency.as_ref();
        key.map(|record| record.hashed().to_vec())
    });
    [
        Column::Uuids(ids.collect()),
        Column::Texts(tenants.collect()),
        Column::Hashes(keys.collect()),
    ]
}

/// What is known of each of `events`, in their order.
pub(super) async fn find(
    link: &mut Link<'_>,
    events: &[&NewEvent],
) -> Result<Vec<Option<Known>>, StoreError> {
    let mut query = link.query(find!());
    for column in columns(events) {
        query = column.bind_to(query);
    }
    let rows = link.rows(query).await?;
    let mut found = Found::of(events.len());
    for row in &rows {
        let mut columns = Columns::of(row);
        let nth: usize = columns.number()?;
        let by_key: bool = columns.take()?;
        let fingerprint: Option<Vec<u8>> = columns.take_or_none()?;
        found.add(nth, by_key, fingerprint, row::event(&mut columns)?);
    }
    Ok(found.0)
}

/// What is known of each event that was asked for.
pub(super) struct Found(pub(super) Vec<Option<Known>>);

impl Found {
    pub(super) fn of(events: usize) -> Self {
        let mut known = Vec::new();
        known.resize_with(events, || None);
        Self(known)
    }

    /// `nth` is counted from one.
    pub(super) fn add(
        &mut self,
        nth: usize,
        by_key: bool,
        fingerprint: Option<Vec<u8>>,
        stored: StoredEvent,
    ) {
        if let Some(slot) = self.0.get_mut(nth.saturating_sub(1))
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
}
