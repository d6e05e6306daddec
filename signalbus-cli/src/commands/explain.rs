//! `signalbus explain`.

use serde_json::json;
use signalbus::{DeliveryId, Signalbus, TenantId};

use crate::{answer::Answer, failure::Failure, target::Target};

pub(super) async fn run(
    target: &Target,
    tenant: &TenantId,
    delivery: DeliveryId,
) -> Result<Answer, Failure> {
    let store = target.look().await?;
    let signalbus = Signalbus::builder()
        .shared_store(store)
        .build()
        .map_err(|error| Failure::input("the store cannot be asked", error))?;
    let explanation = signalbus
        .explain(tenant, delivery)
        .await?
        .ok_or_else(|| Failure::Missing(format!("tenant {tenant} has no delivery {delivery}")))?;
    Ok(Answer::good(explanation.to_string(), json!(explanation)))
}
