//! The hunted process: a host that publishes and sends.

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use clap::ValueEnum;
use rand::{RngExt, SeedableRng, rngs::StdRng};
use serde_json::json;
use signalbus::{
    Channel, Class, EngineOptions, Event, Idempotency, Order, Policy, ProviderName, PublishError,
    Recipient, Signalbus, TenantId, Verdict,
    name::ChannelName,
    store::{DeliveryFilter, Paused, State},
};
use signalbus_sim::history::{self, Publish, RouteWanted, Said, Seen};

use crate::{
    line::{Bookkeeper, Line, content},
    log::{self, Log},
    skew::Skewed,
    store::Place,
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
    /// Publishes and sends at a steady rate until it is told to stop.
    Steady,
    /// Sends what is left, and ends.
    Finish,
}

/// Messages in flight at once. Those in flight at a kill are tried alone after it.
const SLOTS: usize = 16;

/// How long a lane stays with a process that was killed.
pub(crate) const LEASE: Duration = Duration::from_secs(1);

/// The same with a host that nobody kills: half of it is how long a call may take, which on a busy machine is more
/// than half a second.
const STEADY_LEASE: Duration = Duration::from_secs(5);

/// How the history calls a process.
pub(crate) fn name(process: u32) -> String {
    format!("host-{process}")
}

pub(crate) async fn run(
    directory: &Path,
    duty: Duty,
    process: u32,
    seed: u64,
) -> Result<(), Box<dyn Error>> {
    let store = Place::of(directory).open(directory, &name(process)).await?;
    let provider = ProviderName::new("bookkeeper")?;
    // Only who follows a host that was killed may have something to take off.
    let opened = if duty == Duty::Steady {
        Log::join
    } else {
        Log::open
    };
    let bookkeeper = Bookkeeper {
        book: Arc::new(opened(
            &log::book(directory),
            process,
            provider.to_string(),
        )?),
        name: provider,
        channel: ChannelName::new(Line::NAME)?,
        worker: name(process),
        random: Arc::new(Mutex::new(StdRng::seed_from_u64(seed))),
    };
    let options = EngineOptions::default()
        .with_lease(if duty == Duty::Steady {
            STEADY_LEASE
        } else {
            LEASE
        })
        .with_slots(SLOTS);
    let signalbus = Signalbus::builder()
        .store(store)
        .channel(Line, bookkeeper)
        .policy(Policy::new().on::<Line>("chaos.*"))
        .options(options)
        .clock(Skewed::as_told())
        .build()?;
    if duty != Duty::Publish {
        signalbus.start();
    }
    if duty != Duty::Send {
        // Whoever paused may have died before it resumed.
        resume_all(&signalbus).await;
    }
    match duty {
        Duty::Both | Duty::Publish => publish(&signalbus, directory, process, seed).await,
        Duty::Send => std::future::pending().await,
        Duty::Steady => {
            tokio::select! {
                ended = steadily(&signalbus, directory, process) => ended?,
                told = told_to_stop() => told?,
            }
            signalbus.shutdown().await;
            Ok(())
        }
        Duty::Finish => {
            finish(&signalbus).await?;
            signalbus.shutdown().await;
            Ok(())
        }
    }
}

/// How often a round of a publisher begins with a pause of everything.
const PAUSES: f64 = 0.01;

/// Holds all that is claimed for a moment; a kill may come in between.
async fn pause(signalbus: &Signalbus, random: &mut StdRng) {
    let wait = Duration::from_millis(random.random_range(0..300));
    // What a kill or an outage prevents is done by the next host.
    if let Ok(true) = signalbus
        .pause(Paused::everything(), "chaos", "a drill")
        .await
    {
        tokio::time::sleep(wait).await;
        let _ = signalbus.resume(&Paused::everything()).await;
    }
}

async fn resume_all(signalbus: &Signalbus) {
    for pause in signalbus.pauses().await.unwrap_or_default() {
        let _ = signalbus.resume(&pause.what).await;
    }
}

/// How long the last host goes on at most: what is open then is for the judge.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until nothing is open. An idle worker is not enough: a killed one keeps its lanes until
/// its leases end, and they are nobody's work meanwhile.
async fn finish(signalbus: &Signalbus) -> Result<(), Box<dyn Error>> {
    let until = tokio::time::Instant::now() + PATIENCE;
    loop {
        resume_all(signalbus).await;
        signalbus.idle().await;
        let tally = signalbus.store().tally(&DeliveryFilter::new()).await?;
        let open = tally
            .iter()
            .any(|tally| !matches!(tally.state, State::Ended(_)));
        if !open || tokio::time::Instant::now() >= until {
            return Ok(());
        }
        tokio::time::sleep(LEASE / 10).await;
    }
}

/// Publishes new messages without end. Most whose answer a kill took away are published again,
/// with the same key; so are some that were answered.
async fn publish(
    signalbus: &Signalbus,
    directory: &Path,
    process: u32,
    seed: u64,
) -> Result<(), Box<dyn Error>> {
    let mut random = StdRng::seed_from_u64(seed ^ 1);
    let path = log::publications(directory);
    let (mut next, unanswered) = earlier(log::read(&path)?);
    let publisher = Publisher {
        signalbus: signalbus.clone(),
        log: Log::open(&path, process, format!("publisher-{process}"))?,
    };
    let again: Vec<u64> = unanswered
        .into_iter()
        .filter(|_| random.random_bool(0.75))
        .collect();
    for message in again {
        publisher.publish(&[message]).await?;
    }
    loop {
        if random.random_bool(PAUSES) {
            pause(signalbus, &mut random).await;
        }
        let count = random.random_range(1..8);
        let mut messages: Vec<u64> = (next..next + count).collect();
        next += count;
        if random.random_bool(0.1) {
            messages.push(random.random_range(0..next));
        }
        publisher.publish(&messages).await?;
        tokio::time::sleep(Duration::from_micros(random.random_range(0..30_000))).await;
    }
}

/// How often a steady publisher publishes, and how many messages.
const EVERY: Duration = Duration::from_millis(20);
const AT_ONCE: u64 = 4;

/// Publishes at a steady rate, whatever becomes of what was published before.
async fn steadily(
    signalbus: &Signalbus,
    directory: &Path,
    process: u32,
) -> Result<(), Box<dyn Error>> {
    let path = log::publications(directory);
    let log = Log::join(&path, process, format!("publisher-{process}"))?;
    let publisher = Arc::new(Publisher {
        signalbus: signalbus.clone(),
        log,
    });
    let mut turn = tokio::time::interval(EVERY);
    // Two that publish at the same time have numbers of their own.
    let mut next = u64::from(process) << 32;
    let mut calls = tokio::task::JoinSet::new();
    loop {
        turn.tick().await;
        let messages: Vec<u64> = (next..next + AT_ONCE).collect();
        next += AT_ONCE;
        let publisher = Arc::clone(&publisher);
        calls.spawn(async move { publisher.publish(&messages).await });
        while let Some(called) = calls.try_join_next() {
            called??;
        }
    }
}

/// Waits for the signal that a supervisor sends.
async fn told_to_stop() -> Result<(), Box<dyn Error>> {
    use tokio::signal::unix::{SignalKind, signal};
    signal(SignalKind::terminate())?.recv().await;
    Ok(())
}

/// The first number that was not published yet, and the messages of which no publisher knows what
/// became.
fn earlier(lines: Vec<history::Event>) -> (u64, BTreeSet<u64>) {
    let mut calls = BTreeMap::new();
    let mut unanswered = BTreeSet::new();
    for line in lines {
        match line.seen {
            Seen::Publish(publish) => {
                let number = publish.content.rsplit('-').next();
                if let Some(number) = number.and_then(|number| number.parse().ok()) {
                    calls.insert(publish.call, number);
                    unanswered.insert(number);
                }
            }
            Seen::Published { call, .. } => {
                if let Some(number) = calls.get(&call) {
                    unanswered.remove(number);
                }
            }
            _ => {}
        }
    }
    let next = calls.values().max().map_or(0, |last| last + 1);
    (next, unanswered)
}

struct Publisher {
    signalbus: Signalbus,
    log: Log,
}

impl Publisher {
    async fn publish(&self, messages: &[u64]) -> Result<(), String> {
        let mut calls = Vec::with_capacity(messages.len());
        for &message in messages {
            let call = self.log.number();
            calls.push(call);
            let wanted = wanted(call, message).map_err(said)?;
            self.log.write(Seen::Publish(wanted)).map_err(said)?;
        }
        let events = messages.iter().map(|message| event(*message)).collect();
        let answers = match self.signalbus.publish_all(events).await {
            Ok(answers) => answers,
            // Nobody knows whether they are there: as if a kill had taken the answer away.
            Err(PublishError::Store(error)) if error.is_transient() => return Ok(()),
            Err(error) => return Err(said(error)),
        };
        for (call, published) in calls.into_iter().zip(answers) {
            let published = published.map_err(said)?;
            self.log
                .write(Seen::Published {
                    call,
                    event: published.event,
                    verdict: match published.verdict {
                        Verdict::Accepted => Said::Accepted,
                        Verdict::Duplicate => Said::Duplicate,
                        _ => Said::Conflict,
                    },
                    deliveries: published
                        .routes
                        .iter()
                        .map(|route| route.delivery)
                        .collect(),
                })
                .map_err(said)?;
        }
        Ok(())
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn address(number: u64) -> String {
    format!("somebody-{}", number % 100)
}

/// Message `number`: always the same key and content.
fn event(number: u64) -> Event {
    Event::new("chaos.line", Idempotency::key(content(number)))
        .to(Recipient::new().on::<Line>(address(number)))
        .data(json!({ "number": number }))
}

/// What should come of it.
fn wanted(call: u64, number: u64) -> Result<Publish, Box<dyn Error>> {
    Ok(Publish {
        call,
        tenant: TenantId::default(),
        key: Some(content(number)),
        content: content(number),
        order: Order::Start,
        class: Class::Standard,
        bus: false,
        send_at: None,
        expires_at: None,
        routes: vec![RouteWanted {
            person: address(number),
            channel: Some(ChannelName::new(Line::NAME)?),
            address: address(number),
        }],
    })
}
