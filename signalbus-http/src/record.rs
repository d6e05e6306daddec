//! What was heard, into the store.

use signalbus_core::{
    TenantId,
    provider::{Heard, Inbound, Intent, Report},
    store::{Receipt, Store, StoreError, Suppression},
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
        let tenant = endpoint.receiver_of(inbound);
        store.unsuppress(tenant, &endpoint.channel, address).await?;
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
    let reason = report.suppress?;
    Some(Suppression {
        tenant: tenant.clone(),
        channel: endpoint.channel.clone(),
        address: endpoint.hash(report.address.as_deref()?)?,
        reason: reason.to_owned(),
    })
}

fn stop(endpoint: &Endpoint, inbound: &Inbound) -> Option<Suppression> {
    if inbound.intent != Intent::Stop {
        return None;
    }
    Some(Suppression {
        tenant: endpoint.receiver_of(inbound).clone(),
        channel: endpoint.channel.clone(),
        address: endpoint.hash(&inbound.from)?,
        reason: "stopped".to_owned(),
    })
}
