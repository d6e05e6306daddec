//! From the file into the store.

use std::{collections::BTreeSet, error::Error, fs, path::Path};

use signalbus::{Event, PublishError, Signalbus, TenantId};

use crate::{database::Database, journal::Journal, progress::Progress};

const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/events.jsonl");

/// Lines stored in one transaction.
const BATCH: usize = 40;

/// A file of events, one a line. Only ever appended to: lines go by their number.
#[derive(Debug)]
pub(crate) struct EventFile {
    lines: Vec<Line>,
}

/// One line.
#[derive(Debug)]
pub(crate) struct Line {
    /// Counted from one.
    pub(crate) number: u32,
    /// The event, or what is wrong with it.
    pub(crate) event: Result<Event, String>,
}

impl EventFile {
    /// This file, or the one that lies beside the examples.
    pub(crate) fn read(file: Option<&Path>) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let file = file.unwrap_or(Path::new(EVENTS));
        let bytes = fs::read(file).map_err(|error| format!("{}: {error}", file.display()))?;
        let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let lines = (1..)
            .zip(lines.split(|byte| *byte == b'\n'))
            .map(|(number, line)| Line {
                number,
                event: serde_json::from_slice(line).map_err(|error| error.to_string()),
            })
            .collect();
        Ok(Self { lines })
    }

    pub(crate) fn line(&self, number: u32) -> Option<&Line> {
        let index = usize::try_from(number.checked_sub(1)?).ok()?;
        self.lines.get(index)
    }

    /// Everybody who has an event in it.
    pub(crate) fn tenants(&self) -> BTreeSet<TenantId> {
        self.lines.iter().filter_map(Line::tenant).collect()
    }
}

impl Line {
    /// What the event is about; empty when that cannot be told.
    pub(crate) fn topic(&self) -> String {
        let event = self.event.as_ref();
        event.map_or_else(|_| String::new(), |event| event.topic.clone())
    }

    /// Whose event it is; none when that cannot be told.
    pub(crate) fn tenant(&self) -> Option<TenantId> {
        match &self.event.as_ref().ok()?.tenant {
            None => Some(TenantId::default()),
            Some(tenant) => TenantId::new(tenant).ok(),
        }
    }
}

/// Publishes every line that was not published yet. Says how many were.
pub(crate) async fn all(
    signalbus: &Signalbus,
    database: &Database,
    journal: &Journal,
    file: &EventFile,
) -> Result<usize, Box<dyn Error + Send + Sync>> {
    let before = usize::try_from(journal.last().await?)?.min(file.lines.len());
    let mut progress = Progress::new("published", before, file.lines.len());
    for batch in file.lines[before..].chunks(BATCH) {
        publish(signalbus, database, batch).await?;
        progress.add(batch.len());
    }
    progress.finish();
    Ok(before)
}

/// Stores the events of these lines, and that the lines were read, in one transaction.
async fn publish(
    signalbus: &Signalbus,
    database: &Database,
    lines: &[Line],
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let mut transaction = database.begin().await?;
    for line in lines {
        let answer = match line.event.clone() {
            Err(problem) => Err(problem),
            Ok(event) => match database
                .publish_in(signalbus, &mut transaction, event)
                .await
            {
                Ok(published) => Ok(published),
                Err(PublishError::Invalid(problem)) => Err(problem.to_string()),
                Err(error) => return Err(error.into()),
            },
        };
        Journal::write(&mut transaction, line.number, &answer).await?;
    }
    signalbus.wake().after(transaction.commit()).await?;
    Ok(())
}
