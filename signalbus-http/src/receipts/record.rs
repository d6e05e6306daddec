//! What was heard, into the store.

use signalbus_core::{
    TenantId,
    provider::{Heard, Inbound, Intent, Report},
    store::{Cause, Receipt, Store, StoreError, Suppression, Unsuppress},
};

use crate::Endpoint;

/// Why nothing, or not all, was recorded: the provider is asked to come again. Repeating is harmless.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotRecorded {
    #[error("the store did not take it")]
    Store(#[from] StoreError),
    #[error("the inbound handler did not take it")]
    Handler(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Records all of it. The suppressions go first: when the store fails in between, nobody gets a message
/// who asked for none.
pub(crate) async fn record(
    store: &dyn Store,
    endpoint: &Endpoint,
    heard: &Heard,
) -> Result<(), NotRecorded> {
    let ours: Vec<(&TenantId, &Report)> = heard
        .reports
        .iter()
        .filter_map(|report| Some((endpoint.tenant_of(report)?, report)))
        .collect();
    let mut suppressions: Vec<Suppression> = ours
        .iter()
        .filter_map(|(tenant, report)| suppression_of(endpoint, tenant, report))
        .collect();
    if let Some(inbound) = &heard.inbound {
        suppressions.extend(stop(endpoint, inbound));
    }
    if !suppressions.is_empty() {
        store.suppress(suppressions).await?;
    }
    if let Some(inbound) = &heard.inbound
        && inbound.intent == Intent::Start
        && let Some(address) = endpoint.hash(&inbound.from)
    {
        let (tenant, channel) = (endpoint.receiver_of(inbound), &endpoint.channel);
        // A stop is taken back, and not what else keeps the number there.
        let stop = Unsuppress::new(tenant.clone(), channel.clone(), address)
            .within(endpoint.scope_of(Some(&inbound.to)))
            .only(Cause::Unsubscribed);
        store.unsuppress(stop).await?;
    }
    let receipts: Vec<Receipt> = ours
        .iter()
        .filter_map(|(tenant, report)| report.receipt(endpoint.source.provider(), tenant))
        .collect();
    if !receipts.is_empty() {
        store.record_receipts(receipts).await?;
    }
    Ok(())
}

fn suppression_of(endpoint: &Endpoint, tenant: &TenantId, report: &Report) -> Option<Suppression> {
    let address = endpoint.hash(report.address.as_deref()?)?;
    let scope = endpoint.scope_of(report.sender.as_deref());
    report.suppression(tenant, &endpoint.channel, address, scope)
}

fn stop(endpoint: &Endpoint, inbound: &Inbound) -> Option<Suppression> {
    if inbound.intent != Intent::Stop {
        return None;
    }
    let (tenant, channel) = (endpoint.receiver_of(inbound), &endpoint.channel);
    let address = endpoint.hash(&inbound.from)?;
    let stop = Suppression::new(
        tenant.clone(),
        channel.clone(),
        address,
        Cause::Unsubscribed,
    );
    Some(stop.within(endpoint.scope_of(Some(&inbound.to))))
}
