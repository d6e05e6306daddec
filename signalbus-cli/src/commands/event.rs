//! `signalbus event`.

use serde_json::json;
use signalbus::{EventId, TenantId};

use crate::{answer::Answer, failure::Failure, moment, table, target::Target};

pub(super) async fn run(
    target: &Target,
    tenant: &TenantId,
    id: EventId,
) -> Result<Answer, Failure> {
    let store = target.look().await?;
    let found = store.event(tenant, id).await?;
    let record =
        found.ok_or_else(|| Failure::Missing(format!("tenant {tenant} has no event {id}")))?;
    let (event, deliveries) = (&record.event, &record.deliveries);
    let facts = table::facts(&[
        ("event", event.id.to_string()),
        ("tenant", event.tenant.to_string()),
        ("topic", event.topic.to_string()),
        ("class", event.class.as_str().to_owned()),
        ("accepted", moment::shown(event.accepted_at)),
        ("size", format!("{} bytes", event.content.len())),
    ]);
    let text = format!("{facts}\n{}", table::deliveries(deliveries, moment::now()));
    let json = json!({
        "event": event.id,
        "tenant": event.tenant,
        "topic": event.topic,
        "class": event.class,
        "accepted_at": event.accepted_at,
        "bytes": event.content.len(),
        "deliveries": deliveries,
    });
    Ok(Answer::good(text, json))
}
