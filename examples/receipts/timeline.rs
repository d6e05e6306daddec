//! What happened to a delivery, a line each.

use signalbus::{
    DeliveryId, Failure, Signalbus, TenantId,
    store::{AttemptOutcome, Entry},
};

pub(crate) async fn print(
    signalbus: &Signalbus,
    name: &str,
    id: DeliveryId,
) -> Result<(), Failure> {
    let Some(story) = signalbus.explain(&TenantId::default(), id).await? else {
        return Ok(());
    };
    let start = story.delivery.accepted_at;
    println!("\n{name}");
    println!("  {:>8}  published", "0 ms");
    for line in &story.history {
        let after = line.at.duration_since(start).as_millis();
        let what = match &line.entry {
            Entry::Attempt(attempt) => match &attempt.outcome {
                AttemptOutcome::Accepted { .. } => "sent: the provider took it".to_owned(),
                AttemptOutcome::Failed(outcome) => format!(
                    "sent: {} ({})",
                    outcome.as_str(),
                    attempt.detail.as_deref().unwrap_or("no reason given")
                ),
                AttemptOutcome::Interrupted => "interrupted".to_owned(),
            },
            Entry::Receipt { kind, advanced, .. } => {
                let effect = if *advanced { "" } else { " (a fact beside)" };
                format!("the provider says: {}{effect}", kind.as_str())
            }
            Entry::Ended {
                state,
                reason,
                detail,
            } => {
                let detail = detail.as_deref().map(|detail| format!(": {detail}"));
                let detail = detail.unwrap_or_default();
                format!("ended as {} ({reason}){detail}", state.as_str())
            }
            _ => continue,
        };
        println!("  {:>8}  {what}", format!("{after} ms"));
    }
    let receipt = story
        .delivery
        .receipt
        .as_ref()
        .map_or("nothing", |kind| kind.as_str());
    let state = story.delivery.state.as_str();
    println!("  {:>8}  {state}; last heard: {receipt}", "now");
    Ok(())
}
