//! What became of everything, as tables.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    io::{self, Write as _},
    iter,
};

use comfy_table::{
    CellAlignment,
    ColumnConstraint::{ContentWidth, UpperBoundary},
    ContentArrangement, Table,
    Width::Fixed,
    presets::UTF8_FULL_CONDENSED,
};
use signalbus::{
    Signalbus,
    store::{DeliveryFilter, DeliveryRecord, EndState, PageToken, State, StoreError},
};

use crate::{
    journal::{Entry, Journal},
    publish::EventFile,
    setup::{Place, mails_shown},
    unsent::{self, Unsent},
};

/// Prints it. `before` lines were published by an earlier run.
pub(crate) async fn print(
    signalbus: &Signalbus,
    journal: &Journal,
    file: &EventFile,
    place: &Place,
    before: usize,
) -> Result<(), Box<dyn Error + Send + Sync>> {
    let entries = journal.entries().await?;
    let deliveries = deliveries(signalbus).await?;
    let unsent = unsent::collect(signalbus, file, &entries, &deliveries).await?;

    // Not `println!`: it panics when nobody reads on, as behind `| head`.
    let mut out = io::stdout().lock();
    writeln!(out, "\n{}", published(&entries, before))?;
    writeln!(out, "\n{}", outcomes(&deliveries))?;
    writeln!(out, "\nNot sent, and why:\n{}", reasons(&unsent))?;
    writeln!(out, "\nmails  {}", mails_shown(place))?;
    writeln!(out, "texts  {}", place.texts().display())?;
    writeln!(
        out,
        "more   cargo run --example quickstart -- --explain <line>"
    )?;
    Ok(())
}

/// All deliveries of all tenants.
async fn deliveries(signalbus: &Signalbus) -> Result<Vec<DeliveryRecord>, StoreError> {
    let mut deliveries = Vec::new();
    let mut page = Some(PageToken::first(500));
    while let Some(token) = page {
        let read = signalbus.list(&DeliveryFilter::new(), token).await?;
        deliveries.extend(read.items);
        page = read.next;
    }
    Ok(deliveries)
}

/// How the lines were answered.
fn published(entries: &[Entry], before: usize) -> String {
    let answers = ["accepted", "duplicate", "conflict", "invalid"].map(|verdict| {
        let count = entries.iter().filter(|entry| entry.verdict == verdict);
        format!("{} {verdict}", count.count())
    });
    let earlier = match before {
        0 => String::new(),
        before => format!(", {before} of them by an earlier run"),
    };
    format!(
        "{} events published{earlier}\n{}",
        entries.len(),
        answers.join(", ")
    )
}

/// Deliveries by state and channel.
fn outcomes(deliveries: &[DeliveryRecord]) -> Table {
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for delivery in deliveries {
        *counts
            .entry((word(delivery.state), channel(delivery)))
            .or_default() += 1;
    }
    let channels: BTreeSet<&str> = counts.keys().map(|(_, channel)| *channel).collect();
    let mut channels: Vec<&str> = channels.into_iter().collect();
    channels.sort_by_key(|channel| *channel == NO_CHANNEL);
    let mut states: Vec<&str> = counts.keys().map(|(state, _)| *state).collect();
    states.dedup();
    states.sort_by_key(|state| *state != SENT);

    let mut table = table();
    table.set_header(iter::once("outcome").chain(channels.iter().copied()));
    for state in states {
        let row = channels.iter().map(|channel| {
            let count = counts.get(&(state, *channel));
            count.map_or_else(String::new, ToString::to_string)
        });
        table.add_row(iter::once(state.to_owned()).chain(row));
    }
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn reasons(unsent: &[Unsent]) -> Table {
    let mut table = table();
    table.set_header(["line", "what", "why"]);
    for unsent in unsent {
        let by = [&unsent.tenant, &unsent.channel];
        let why = match (unsent.reason.as_str(), unsent.state.as_str()) {
            ("", state) => state.to_owned(),
            (reason, state) if reason == state => state.to_owned(),
            (reason, state) => format!("{state}: {reason}"),
        };
        table.add_row([
            unsent.line.to_string(),
            two_lines(&unsent.topic, &joined(&by)),
            two_lines(&why, &unsent.detail),
        ]);
    }
    table.set_constraints([ContentWidth, ContentWidth, UpperBoundary(Fixed(50))]);
    table
}

/// What is there of it, after a comma each.
fn joined(words: &[&String]) -> String {
    let there = words.iter().filter(|word| !word.is_empty());
    there
        .map(|word| word.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}

fn two_lines(first: &str, second: &str) -> String {
    if second.is_empty() {
        first.to_owned()
    } else {
        format!("{first}\n{second}")
    }
}

/// Fits every terminal.
const WIDTH: u16 = 80;

fn table() -> Table {
    let mut table = Table::new();
    table
        .load_style(UTF8_FULL_CONDENSED)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_width(WIDTH);
    table
}

const SENT: &str = "sent";
const NO_CHANNEL: &str = "no channel";

/// The state in the words of a user.
fn word(state: State) -> &'static str {
    match state {
        State::Ended(EndState::Accepted) => SENT,
        other => other.as_str(),
    }
}

fn channel(delivery: &DeliveryRecord) -> &str {
    match &delivery.channel {
        Some(channel) => channel.as_str(),
        None => NO_CHANNEL,
    }
}
