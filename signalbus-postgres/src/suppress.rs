//! The suppression list.

use signalbus_core::{
    clock::Timestamp,
    name::{ChannelName, TenantId},
    store::{AddressHash, StoreError, Suppression},
};

use crate::{codec::micros, database::Link, text::clean};

/// Puts addresses on the list; one that is there keeps its first reason. In one order for
/// everybody, so that two calls do not wait for each other.
pub(crate) async fn suppress(
    link: &mut Link<'_>,
    now: Timestamp,
    suppressions: &[&Suppression],
) -> Result<(), StoreError> {
    if suppressions.is_empty() {
        return Ok(());
    }
    let tenants: Vec<&str> = suppressions.iter().map(|s| s.tenant.as_str()).collect();
    let channels: Vec<&str> = suppressions.iter().map(|s| s.channel.as_str()).collect();
    let addresses: Vec<&[u8]> = suppressions.iter().map(|s| &s.address.0[..]).collect();
    let reasons: Vec<_> = suppressions.iter().map(|s| clean(&s.reason)).collect();
    let query = link
        .query(
            "INSERT INTO signalbus.suppression (tenant, channel, address, reason, suppressed_at)
             SELECT DISTINCT ON (a.tenant, a.channel, a.address)
                    a.tenant, a.channel, a.address, a.reason, $5
             FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
                 WITH ORDINALITY AS a (tenant, channel, address, reason, nth)
             ORDER BY a.tenant, a.channel, a.address, a.nth
             ON CONFLICT DO NOTHING",
        )
        .bind(tenants)
        .bind(channels)
        .bind(addresses)
        .bind(reasons)
        .bind(micros(now));
    link.run(query).await.map(drop)
}

/// Takes an address off the list; says whether it was on it.
pub(crate) async fn unsuppress(
    link: &mut Link<'_>,
    tenant: &TenantId,
    channel: &ChannelName,
    address: AddressHash,
) -> Result<bool, StoreError> {
    let query = link
        .query(
            "DELETE FROM signalbus.suppression
             WHERE tenant = $1 AND channel = $2 AND address = $3",
        )
        .bind(tenant.as_str())
        .bind(channel.as_str())
        .bind(&address.0[..]);
    Ok(link.run(query).await? > 0)
}
