//! What is still to be asked about a batch, and what is known of it: without a driver.

use std::collections::{HashMap, HashSet};

use signalbus_core::{
    clock::Timestamp,
    id::EventId,
    store::{Acceptance, NewEvent, StoreError, StoredEvent},
};

use super::known::Known;
use crate::error;

/// How far a batch of events is. Once round, unless two of it are alike and the first of them was no news
/// either.
#[derive(Debug)]
pub(super) struct Progress {
    answers: Vec<Option<Acceptance>>,
    round: Option<Round>,
    /// How many were open before this round.
    before: usize,
    unknown: Vec<usize>,
}

/// What to ask next: about the events at these places.
#[derive(Debug)]
pub(super) enum Step {
    /// Store those that are new.
    Insert(Vec<usize>),
    /// Say what is known of those that are not.
    Find(Vec<usize>),
}

impl Step {
    pub(super) fn places(&self) -> &[usize] {
        match self {
            Self::Insert(places) | Self::Find(places) => places,
        }
    }
}

impl Progress {
    pub(super) fn of(events: &[NewEvent]) -> Self {
        let mut answers = Vec::new();
        answers.resize_with(events.len(), || None);
        Self {
            answers,
            round: None,
            before: usize::MAX,
            unknown: Vec::new(),
        }
    }

    /// What to ask next; nothing when all is known.
    pub(super) fn next(&mut self, events: &[NewEvent]) -> Result<Option<Step>, StoreError> {
        if !self.unknown.is_empty() {
            return Ok(Some(Step::Find(self.unknown.clone())));
        }
        let open: Vec<usize> = (0..events.len())
            .filter(|at| self.answers[*at].is_none())
            .collect();
        if open.is_empty() {
            return Ok(None);
        }
        if open.len() == self.before {
            return Err(error::unavailable(
                "what was published before is being purged: try again",
            ));
        }
        self.before = open.len();
        let round = Round::of(events, &open);
        let first = round.first.clone();
        self.round = Some(round);
        Ok(Some(Step::Insert(first)))
    }

    /// These were new, and were stored at this time.
    pub(super) fn inserted(
        &mut self,
        events: &[NewEvent],
        stored: &HashSet<EventId>,
        now: Timestamp,
    ) {
        let Some(round) = self.round.take() else {
            return;
        };
        let is_new = |at: usize| stored.contains(&events[at].id);
        for at in &round.first {
            if is_new(*at) {
                self.answers[*at] = Some(Acceptance::Accepted);
            } else {
                self.unknown.push(*at);
            }
        }
        for (at, first) in &round.second {
            if is_new(*first) {
                self.answers[*at] = Some(like(&events[*at], &events[*first], now));
            }
        }
    }

    /// This is known of those that were asked for, in their order.
    pub(super) fn found(&mut self, events: &[NewEvent], found: Vec<Option<Known>>) {
        for (at, found) in std::mem::take(&mut self.unknown).into_iter().zip(found) {
            self.answers[at] = found.map(|found| found.answer(&events[at]));
        }
    }

    /// What became of each, in the order of events.
    pub(super) fn answers(self) -> Vec<Acceptance> {
        self.answers.into_iter().flatten().collect()
    }
}

/// What may be stored at once: of those with one id or one key only the first.
#[derive(Debug)]
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
