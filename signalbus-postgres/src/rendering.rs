//! Messages kept for the next try of a generation.

use signalbus_core::store::StoreError;

use crate::database::Link;

/// Forgets the messages of these deliveries.
pub(crate) async fn forget(link: &mut Link<'_>, positions: &[i64]) -> Result<(), StoreError> {
    if positions.is_empty() {
        return Ok(());
    }
    let gone = link
        .query("DELETE FROM signalbus.rendering WHERE position = ANY($1)")
        .bind(positions);
    link.run(gone).await?;
    let mark = link
        .query(
            "UPDATE signalbus.delivery SET rendered = false WHERE position = ANY($1) AND rendered",
        )
        .bind(positions);
    link.run(mark).await.map(drop)
}
