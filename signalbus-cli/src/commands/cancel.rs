//! `signalbus cancel`.

use serde_json::json;
use signalbus::store::{Cancel, CancelAnswer, CancelTarget, Cancelled, DeliveryRecord, State};

use super::consent::Asked;
use crate::{answer::Answer, arguments, failure::Failure, table, target::Target};

pub(super) async fn run(target: &Target, typed: &arguments::Cancel) -> Result<Answer, Failure> {
    let (meant, tenant, consent, name) = match typed {
        arguments::Cancel::Event {
            event,
            tenant,
            consent,
        } => (
            CancelTarget::Event(*event),
            tenant,
            consent,
            format!("event {event}"),
        ),
        arguments::Cancel::Delivery {
            delivery,
            tenant,
            consent,
        } => (
            CancelTarget::Delivery(*delivery),
            tenant,
            consent,
            format!("delivery {delivery}"),
        ),
    };
    let asked = Asked::new(consent, target)?;
    let missing = || Failure::Missing(format!("tenant {tenant} has no {name}"));
    let rows: Vec<(String, &'static str)> = if asked.yes {
        let store = target.change().await?;
        let cancel = Cancel {
            target: meant,
            actor: asked.actor.clone(),
        };
        let done = store.cancel(tenant, cancel).await?;
        done.iter().map(done_row).collect()
    } else {
        let store = target.look().await?;
        let records = match meant {
            CancelTarget::Event(id) => store.event(tenant, id).await?.map(|r| r.deliveries),
            CancelTarget::Delivery(id) => store.delivery(tenant, id).await?.map(|r| vec![r]),
            _ => None,
        };
        records.unwrap_or_default().iter().map(would_row).collect()
    };
    if rows.is_empty() {
        return Err(missing());
    }
    let heading = asked.heading(&format!("cancel {name} of tenant {tenant}"));
    let cells = rows
        .iter()
        .map(|(id, what)| vec![id.clone(), (*what).to_owned()]);
    let shown = table::table(&["DELIVERY", "ANSWER"], &[0], cells.collect());
    let text = format!("{heading}{shown}{}", asked.hint());
    let answers: Vec<_> = rows
        .iter()
        .map(|(id, what)| json!({ "delivery": id, "answer": what }))
        .collect();
    let json = json!({
        "target": asked.target,
        "tenant": tenant,
        "actor": asked.actor,
        "dry_run": !asked.yes,
        "deliveries": answers,
    });
    Ok(Answer::good(text, json))
}

fn done_row(done: &Cancelled) -> (String, &'static str) {
    let what = match done.answer {
        CancelAnswer::Cancelled => "cancelled",
        CancelAnswer::InFlight => "in flight: may arrive, is not tried again",
        CancelAnswer::Ended(_) => "had ended",
        _ => "answered in a word of a newer version",
    };
    (done.id.to_string(), what)
}

fn would_row(record: &DeliveryRecord) -> (String, &'static str) {
    let what = match record.state {
        State::Waiting | State::Held => "would be cancelled",
        State::Sending => "in flight: may arrive, would not be tried again",
        State::Ended(_) => "has ended",
        State::Newer => "in a state of a newer version: would be left alone",
    };
    (record.id.to_string(), what)
}
