//! Storing events with their deliveries: one statement for any number of events, and a second one
//! where something was there before.

mod insert;
mod join;
mod known;

use std::collections::{HashMap, HashSet};

use signalbus_core::{
    clock::Timestamp,
    id::EventId,
    store::{Acceptance, NewEvent, StoreError, StoredEvent},
};

pub(crate) use join::Joined;

use self::known::Known;
use crate::{database::Link, error};

/// Stores what is new; recognises repeats by key, and by id when the same call comes again.
pub(crate) async fn accept(
    link: &mut Link<'_>,
    lanes: u16,
    events: &[NewEvent],
) -> Result<Vec<Acceptance>, StoreError> {
    check(events)?;
    let mut answers: Vec<Option<Acceptance>> = Vec::new();
    answers.resize_with(events.len(), || None);
    let mut pending: Vec<usize> = (0..events.len()).collect();
    // Once, unless two of the batch are alike and the first of them was no news either.
    while !pending.is_empty() {
        let round = Round::of(events, &pending);
        let candidates: Vec<&NewEvent> = round.first.iter().map(|at| &events[*at]).collect();
        let (now, stored) = insert::insert(link, lanes, &candidates).await?;
        settle(link, events, &round, &stored, now, &mut answers).await?;
        let left = pending.len();
        pending.retain(|at| answers[*at].is_none());
        if pending.len() == left {
            return Err(error::unavailable(
                "what was published before is being purged: try again",
            ));
        }
    }
    Ok(answers.into_iter().flatten().collect())
}

/// What may be stored at once: of those with one id or one key only the first.
struct Round {
    first: Vec<usize>,
    /// Places of those that come second, and of the first one.
    second: Vec<(usize, usize)>,
}

impl Round {
    fn of(events: &[NewEvent], pending: &[usize]) -> Self {
        let mut round = Self {
            first: Vec::with_capacity(pending.len()),
            second: Vec::new(),
        };
        let (mut ids, mut keys) = (HashMap::new(), HashMap::new());
        for at in pending {
            let event = &events[*at];
            let key = event.idempotency.as_ref();
            let key = key.map(|record| (&event.tenant, record.key.as_str()));
            let twin = ids.get(&event.id).or_else(|| keys.get(&key?));
            if let Some(first) = twin {
                round.second.push((*at, *first));
            } else {
                ids.insert(event.id, *at);
                keys.extend(key.map(|key| (key, *at)));
                round.first.push(*at);
            }
        }
        round
    }
}

async fn settle(
    link: &mut Link<'_>,
    events: &[NewEvent],
    round: &Round,
    stored: &HashSet<EventId>,
    now: Timestamp,
    answers: &mut [Option<Acceptance>],
) -> Result<(), StoreError> {
    let is_new = |at: usize| stored.contains(&events[at].id);
    let mut known = Vec::new();
    for at in &round.first {
        if is_new(*at) {
            answers[*at] = Some(Acceptance::Accepted);
        } else {
            known.push(*at);
        }
    }
    for (at, first) in &round.second {
        if is_new(*first) {
            answers[*at] = Some(like(&events[*at], &events[*first], now));
        }
    }
    if known.is_empty() {
        return Ok(());
    }
    let asked: Vec<&NewEvent> = known.iter().map(|at| &events[*at]).collect();
    let found = known::find(link, &asked).await?;
    for (at, found) in known.into_iter().zip(found) {
        answers[at] = found.map(|found| found.answer(&events[at]));
    }
    Ok(())
}

/// What the second of two in a batch is told, when the first was stored.
fn like(event: &NewEvent, first: &NewEvent, now: Timestamp) -> Acceptance {
    if event.id == first.id {
        Known::Same(first.tenant.clone()).answer(event)
    } else if event.idempotency == first.idempotency {
        Acceptance::Duplicate(as_stored(first, now))
    } else {
        Acceptance::Conflict(first.id)
    }
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
