//! Storing events with their deliveries: a fixed number of statements for any number of events.

mod insert;
mod known;
mod parts;

use std::collections::HashMap;

use signalbus_core::{
    clock::Timestamp,
    id::EventId,
    name::TenantId,
    store::{Acceptance, NewEvent, StoreError, StoredEvent},
};
use sqlx::SqliteConnection;

use self::known::Known;
use crate::error;

/// Stores what is new; recognises repeats by key, and by id when the same call comes again.
pub(crate) async fn accept(
    conn: &mut SqliteConnection,
    now: Timestamp,
    lanes: u16,
    events: &[NewEvent],
) -> Result<Vec<Acceptance>, StoreError> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    check(events)?;
    let known = known::find(conn, events).await?;
    let mut fresh: Vec<&NewEvent> = Vec::with_capacity(events.len());
    let mut by_key: HashMap<(&TenantId, &str), &NewEvent> = HashMap::new();
    let mut ids: HashMap<EventId, &TenantId> = HashMap::new();
    let mut answers = Vec::with_capacity(events.len());
    for (event, known) in events.iter().zip(known) {
        let key = event
            .idempotency
            .as_ref()
            .map(|record| (&event.tenant, record.key.as_str()));
        let twin = key.and_then(|key| by_key.get(&key)).copied();
        answers.push(if let Some(known) = known {
            known.answer(event)
        } else if let Some(tenant) = ids.get(&event.id) {
            Known::Same((*tenant).clone()).answer(event)
        } else if let Some(twin) = twin {
            if twin.idempotency == event.idempotency {
                Acceptance::Duplicate(as_stored(twin, now))
            } else {
                Acceptance::Conflict(twin.id)
            }
        } else {
            if let Some(key) = key {
                by_key.insert(key, event);
            }
            ids.insert(event.id, &event.tenant);
            fresh.push(event);
            Acceptance::Accepted
        });
    }
    insert::insert(conn, now, lanes, &fresh).await?;
    Ok(answers)
}

fn check(events: &[NewEvent]) -> Result<(), StoreError> {
    let routeless = events
        .iter()
        .flat_map(|event| &event.deliveries)
        .any(|delivery| delivery.channel.is_none() && delivery.ended.is_none());
    if routeless {
        return Err(error::invalid(
            "a delivery without a channel must have ended when it is accepted",
        ));
    }
    Ok(())
}

fn as_stored(event: &NewEvent, accepted_at: Timestamp) -> StoredEvent {
    StoredEvent {
        id: event.id,
        tenant: event.tenant.clone(),
        topic: event.topic.clone(),
        class: event.class,
        accepted_at,
        content: event.content.clone(),
    }
}
