//! The store's own log: its history, as the transitions that it records.

use std::{collections::BTreeMap, error::Error};

use signalbus::{
    EventId, Store, Timestamp,
    store::{AttemptRecord, EndState, Entry, State},
};
use signalbus_sim::history::{End, Event, Seen, Step};

use crate::{line::content, log};

/// What the store took, claimed and settled, and when. Who owned a lane is not in its history.
pub(crate) async fn read(store: &dyn Store, ends: &[End]) -> Result<Vec<Event>, Box<dyn Error>> {
    let mut events = Vec::new();
    let mut by_event: BTreeMap<EventId, Vec<&End>> = BTreeMap::new();
    for end in ends {
        by_event.entry(end.event).or_default().push(end);
        for line in &end.history {
            if let Entry::Attempt(record) = &line.entry {
                events.extend(attempt(end, record, line.at));
            }
        }
    }
    for (id, ends) in by_event {
        events.push(stored(store, id, &ends).await?);
    }
    Ok(events)
}

async fn stored(store: &dyn Store, id: EventId, ends: &[&End]) -> Result<Event, Box<dyn Error>> {
    let tenant = ends
        .first()
        .ok_or("an event without deliveries")?
        .tenant
        .clone();
    let record = store
        .event(&tenant, id)
        .await?
        .ok_or("a delivery without its event")?;
    let stored: serde_json::Value = serde_json::from_slice(&record.event.content)?;
    let content = stored["data"]["number"].as_u64().map(content);
    let seen = Seen::Stored {
        event: id,
        tenant,
        // Its key is its content, and not among what a store gives out.
        key: content.clone(),
        content,
        deliveries: ends.iter().map(|end| end.delivery).collect(),
        ended: Vec::new(),
    };
    Ok(log::event(record.event.accepted_at, "store", seen))
}

fn attempt(end: &End, record: &AttemptRecord, settled_at: Timestamp) -> [Event; 2] {
    let step = Step {
        delivery: end.delivery,
        generation: record.generation,
        attempt: record.attempt,
        lane: 0,
        epoch: 0,
    };
    let ended = EndState::ALL
        .into_iter()
        .find(|state| state.as_str() == record.next)
        .filter(|state| end.state == State::Ended(*state))
        .zip(end.reason.clone());
    let settled = Seen::Settled {
        step: step.clone(),
        provider: record.provider.clone(),
        outcome: record.outcome.clone(),
        fault: record.fault,
        ended,
        told: true,
    };
    [
        log::event(record.started_at, "store", Seen::Claimed(step)),
        log::event(settled_at, "store", settled),
    ]
}
