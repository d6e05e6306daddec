//! The suppression list.

use signalbus_core::{
    clock::Timestamp,
    name::{ChannelName, TenantId},
    store::{AddressHash, StoreError, Suppression},
};
use sqlx::SqliteConnection;

use crate::{
    batch::{self, Bytes},
    codec::micros,
    error,
};

/// Puts addresses on the list; one that is there keeps its first reason.
pub(crate) async fn suppress(
    conn: &mut SqliteConnection,
    now: Timestamp,
    suppressions: &[&Suppression],
) -> Result<(), StoreError> {
    let mut addresses = Bytes::default();
    let rows: Vec<_> = suppressions
        .iter()
        .map(|suppression| {
            let (offset, _) = addresses.add(&suppression.address.0);
            (
                &suppression.tenant,
                &suppression.channel,
                offset,
                &suppression.reason,
            )
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    sqlx::query(
        "INSERT INTO signalbus_suppression (tenant, channel, address, reason, suppressed_at)
         SELECT value ->> 0, value ->> 1, substr(?2, value ->> 2, 16), value ->> 3, ?3
         FROM jsonb_each(?1) WHERE true
         ON CONFLICT (tenant, channel, address) DO NOTHING",
    )
    .bind(batch::rows(&rows)?)
    .bind(addresses.into_vec())
    .bind(micros(now))
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(())
}

/// Takes an address off the list; says whether it was on it.
pub(crate) async fn unsuppress(
    conn: &mut SqliteConnection,
    tenant: &TenantId,
    channel: &ChannelName,
    address: AddressHash,
) -> Result<bool, StoreError> {
    let done = sqlx::query(
        "DELETE FROM signalbus_suppression WHERE tenant = ?1 AND channel = ?2 AND address = ?3",
    )
    .bind(tenant.as_str())
    .bind(channel.as_str())
    .bind(address.0.as_slice())
    .execute(conn)
    .await
    .map_err(error::of)?;
    Ok(done.rows_affected() > 0)
}
