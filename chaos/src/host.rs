//! The hunted process: a host that publishes and sends.

use std::{
    collections::BTreeSet,
    error::Error,
    fs::File,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::ValueEnum;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use signalbus::{EngineOptions, Event, Idempotency, Policy, Recipient, Signalbus, Verdict};
use signalbus_sqlite::SqliteStore;

use crate::{
    line::{Bookkeeper, Line},
    log::{self, Publication},
};

/// What a host does until it is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Duty {
    /// Publishes and sends.
    Both,
    /// Only publishes.
    Publish,
    /// Only sends.
    Send,
    /// Sends what is left, and ends.
    Finish,
}

/// Messages in flight at once. Those in flight at a kill are tried alone after it.
const SLOTS: usize = 16;

pub(crate) async fn run(directory: &Path, duty: Duty, seed: u64) -> Result<(), Box<dyn Error>> {
    let store = SqliteStore::open(log::database(directory)).await?;
    let provider = Bookkeeper {
        book: Arc::new(log::open(&log::book(directory))?),
        random: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))),
    };
    let options = EngineOptions::default()
        .with_lease(Duration::from_secs(1))
        .with_slots(SLOTS);
    let signalbus = Signalbus::builder()
        .store(store)
        .channel(Line, provider)
        .policy(Policy::new().on::<Line>("chaos.*"))
        .options(options)
        .build()?;
    if duty != Duty::Publish {
        signalbus.start();
    }
    match duty {
        Duty::Both | Duty::Publish => publish(&signalbus, directory, seed).await,
        Duty::Send => std::future::pending().await,
        Duty::Finish => {
            signalbus.idle().await;
            signalbus.shutdown().await;
            Ok(())
        }
    }
}

/// Publishes new messages without end. Most whose answer a kill took away are published again,
/// with the same key; so are some that were answered.
async fn publish(signalbus: &Signalbus, directory: &Path, seed: u64) -> Result<(), Box<dyn Error>> {
    let mut random = StdRng::seed_from_u64(seed ^ 1);
    let known: Vec<Publication> = log::read(&log::publications(directory))?;
    let mut next = 0;
    let mut unanswered = BTreeSet::new();
    for publication in known {
        match publication {
            Publication::Invoked { message } => {
                next = next.max(message + 1);
                unanswered.insert(message);
            }
            Publication::Answered { message, .. } => {
                unanswered.remove(&message);
            }
        }
    }
    let publications = log::open(&log::publications(directory))?;
    let again: Vec<u64> = unanswered
        .into_iter()
        .filter(|_| random.random_bool(0.75))
        .collect();
    for message in again {
        publish_these(signalbus, &publications, &[message]).await?;
    }
    loop {
        let count = random.random_range(1..8);
        let mut messages: Vec<u64> = (next..next + count).collect();
        next += count;
        if random.random_bool(0.1) {
            messages.push(random.random_range(0..next));
        }
        publish_these(signalbus, &publications, &messages).await?;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..30_000))).await;
    }
}

async fn publish_these(
    signalbus: &Signalbus,
    publications: &File,
    messages: &[u64],
) -> Result<(), Box<dyn Error>> {
    for &message in messages {
        log::append(publications, &Publication::Invoked { message })?;
    }
    let events = messages.iter().map(|message| event(*message)).collect();
    let answers = signalbus.publish_all(events).await?;
    for (&message, published) in messages.iter().zip(answers) {
        let published = published?;
        let Some(route) = published.routes.first() else {
            return Err(format!("message {message}: {:?}", published.verdict).into());
        };
        let answer = Publication::Answered {
            message,
            delivery: route.delivery,
            duplicate: published.verdict == Verdict::Duplicate,
        };
        log::append(publications, &answer)?;
    }
    Ok(())
}

/// Message `number`: always the same key and content.
fn event(number: u64) -> Event {
    Event::new("chaos.line", Idempotency::key(format!("message-{number}")))
        .to(Recipient::new().on::<Line>(format!("somebody-{}", number % 100)))
        .data(json!({ "number": number }))
}
