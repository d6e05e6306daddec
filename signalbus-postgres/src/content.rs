//! Files of events, for those who send.

use signalbus_core::{event::Attachment, store::StoreError};
use uuid::Uuid;

use crate::{codec::Columns, database::Link};

/// The files of these events, in their order.
pub(crate) async fn files(
    link: &mut Link<'_>,
    events: &[Uuid],
) -> Result<Vec<(Uuid, Attachment)>, StoreError> {
    let query = link
        .query(
            "SELECT event, file_name, content_type, content_id, content
             FROM signalbus.attachment WHERE event = ANY($1) ORDER BY event, place",
        )
        .bind(events);
    let rows = link.rows(query).await?;
    rows.iter()
        .map(|row| {
            let mut columns = Columns::of(row);
            let event = columns.uuid()?;
            let file = Attachment {
                file_name: columns.take()?,
                content_type: columns.take()?,
                content_id: columns.take_or_none()?,
                content: columns.take::<Vec<u8>>()?.into(),
            };
            Ok((event, file))
        })
        .collect()
}
