//! The same statements for drivers of others: they answer with one row of one text.

use std::collections::HashSet;

use serde::Deserialize;
use signalbus_core::{
    id::EventId,
    name::{TenantId, Topic},
    store::{Acceptance, NewEvent, StoreError, StoredEvent},
};
use uuid::Uuid;

use super::{
    check,
    columns::{self, Column},
    insert,
    known::{self, Found},
    progress::{Progress, Step},
};
use crate::{codec, error};

/// A batch of events that another driver stores.
#[derive(Debug)]
pub(crate) struct Asked {
    events: Vec<NewEvent>,
    progress: Progress,
    step: Option<Step>,
}

#[derive(Deserialize)]
struct Inserted {
    now: i64,
    stored: Vec<Uuid>,
}

#[derive(Deserialize)]
struct FoundRow {
    nth: usize,
    by_key: bool,
    fingerprint: Option<String>,
    id: Uuid,
    tenant: String,
    topic: String,
    class: i64,
    accepted_at: i64,
    content: String,
}

impl Asked {
    pub(crate) fn of(events: Vec<NewEvent>) -> Result<Self, StoreError> {
        check(&events)?;
        let mut asked = Self {
            progress: Progress::of(&events),
            events,
            step: None,
        };
        asked.step = asked.progress.next(&asked.events)?;
        Ok(asked)
    }

    /// The statement to run next, with its parameters; none when all is known.
    pub(crate) fn statement(
        &self,
        time: Option<i64>,
        lanes: u16,
    ) -> Result<Option<(&'static str, Vec<Column<'_>>)>, StoreError> {
        let Some(step) = &self.step else {
            return Ok(None);
        };
        let asked: Vec<&NewEvent> = step.places().iter().map(|at| &self.events[*at]).collect();
        Ok(Some(match step {
            Step::Insert(_) => {
                let columns = columns::of(time, lanes, &asked)?;
                (insert::INSERT_AS_TEXT, columns.into())
            }
            Step::Find(_) => (known::FIND_AS_TEXT, known::columns(&asked).into()),
        }))
    }

    /// What that statement answered.
    pub(crate) fn answered(&mut self, answer: &str) -> Result<(), StoreError> {
        match self.step.take() {
            None => return Err(error::invalid("no answer is waited for")),
            Some(Step::Insert(_)) => {
                let inserted: Inserted = read(answer)?;
                let stored: HashSet<EventId> = inserted
                    .stored
                    .into_iter()
                    .map(EventId::from_uuid)
                    .collect();
                let now = codec::time(inserted.now)?;
                self.progress.inserted(&self.events, &stored, now);
            }
            Some(Step::Find(places)) => {
                let mut found = Found::of(places.len());
                for row in read::<Vec<FoundRow>>(answer)? {
                    let (nth, by_key) = (row.nth, row.by_key);
                    let fingerprint = row.fingerprint.as_deref().map(bytes).transpose()?;
                    found.add(nth, by_key, fingerprint, row.event()?);
                }
                self.progress.found(&self.events, found.0);
            }
        }
        self.step = self.progress.next(&self.events)?;
        Ok(())
    }

    /// What became of each, in the order of events.
    pub(crate) fn answers(self) -> Result<Vec<Acceptance>, StoreError> {
        if self.step.is_some() {
            return Err(error::invalid(
                "a statement was not run: run what `statement` gives until it gives none",
            ));
        }
        Ok(self.progress.answers())
    }
}

impl FoundRow {
    fn event(self) -> Result<StoredEvent, StoreError> {
        let unreadable = |_| error::corrupt("a name cannot be read");
        Ok(StoredEvent {
            id: EventId::from_uuid(self.id),
            tenant: TenantId::new(self.tenant).map_err(unreadable)?,
            topic: Topic::new(self.topic).map_err(unreadable)?,
            class: codec::class_of(self.class)?,
            accepted_at: codec::time(self.accepted_at)?,
            content: bytes(&self.content)?.into(),
        })
    }
}

fn read<'a, T: Deserialize<'a>>(answer: &'a str) -> Result<T, StoreError> {
    serde_json::from_str(answer).map_err(|_| {
        error::invalid("this is not what the statement answered: give the text of its one row")
    })
}

fn bytes(hex: &str) -> Result<Vec<u8>, StoreError> {
    let pairs = hex.as_bytes().chunks(2);
    let bytes = pairs.map(|pair| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    });
    let bytes: Option<Vec<u8>> = bytes.collect();
    bytes.ok_or_else(|| error::invalid("this is not what the statement answered"))
}
