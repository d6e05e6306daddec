//! Files of events, for those who send.

use signalbus_core::{event::Attachment, id::EventId, name::TenantId, store::StoreError};

use crate::{codec::Columns, database::Link};

/// The files of an event, in their order.
pub(crate) async fn files(
    link: &mut Link<'_>,
    tenant: &TenantId,
    event: EventId,
) -> Result<Vec<Attachment>, StoreError> {
    let query = link
        .query(
            "SELECT a.file_name, a.content_type, a.content_id, a.content
             FROM signalbus.event AS e JOIN signalbus.attachment AS a ON a.event = e.id
             WHERE e.id = $1 AND e.tenant = $2 ORDER BY a.place",
        )
        .bind(*event.as_uuid())
        .bind(tenant.as_str());
    let rows = link.rows(query).await?;
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
