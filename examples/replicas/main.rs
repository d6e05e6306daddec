//! Two replicas of one application on one Postgres database. One of them is killed in the middle;
//! the other takes over what it held, and no message is lost.
//!
//! ```console
//! $ DATABASE_URL=postgres://app@localhost/app cargo run --example replicas --features postgres
//! ```

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

mod book;

use std::{
    path::Path,
    process::{Child, Command},
    time::{Duration, Instant},
};

use signalbus::{
    EngineOptions, Event, Failure, Idempotency, Policy, Recipient, Signalbus, Templates,
    channel::Sms,
    postgres::PostgresStore,
    store::{DeliveryFilter, EndState, State, Store},
};

use crate::book::Book;

const MESSAGES: usize = 400;

/// How long the lanes of a replica stay with it after its death.
const LEASE: Duration = Duration::from_secs(2);

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let url = std::env::var("DATABASE_URL")
        .map_err(|_| "set DATABASE_URL to the URL of a Postgres database")?;
    let mut arguments = std::env::args().skip(1);
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(name), Some(schema), Some(book)) => {
            let store = open(&url, &schema).await?;
            let replica = engine(store, Book::open(Path::new(&book), &name)?)?;
            replica.start();
            std::future::pending().await
        }
        _ => watch(&url).await,
    }
}

async fn open(url: &str, schema: &str) -> Result<PostgresStore, Failure> {
    Ok(PostgresStore::from_url(url)?.schema(schema).open().await?)
}

fn engine(store: PostgresStore, book: Book) -> Result<Signalbus, Failure> {
    Ok(Signalbus::builder()
        .store(store)
        .channel(Sms::new(), book)
        .templates(Templates::embedded(&[("hello/en/sms.txt", "Hello!")])?)
        .policy(Policy::new().on::<Sms>("hello"))
        .options(EngineOptions::default().with_lease(LEASE).with_slots(8))
        .build()?)
}

/// Starts two replicas, publishes, kills one, and waits until the other has sent the rest.
async fn watch(url: &str) -> Result<(), Failure> {
    // A schema and a book of its own for each run, so that they can be looked at afterwards.
    let schema = format!("replicas_{}", std::process::id());
    let path = std::env::temp_dir().join(&schema);
    let store = open(url, &schema).await?;
    let publisher = engine(store.clone(), Book::open(&path, "publisher")?)?;
    let start = |name: &str| -> std::io::Result<Child> {
        Command::new(std::env::current_exe()?)
            .args([name, &schema])
            .arg(&path)
            .spawn()
    };
    let (mut one, mut two) = (start("one")?, start("two")?);

    let events = (0..MESSAGES).map(|number| {
        Event::new("hello", Idempotency::key(format!("hello-{number}")))
            .to(Recipient::new().sms(format!("+4477009{number:05}")))
    });
    for answer in publisher.publish_all(events.collect()).await? {
        answer?;
    }
    let mut killed = None;
    let began = Instant::now();
    loop {
        let sent = DeliveryFilter::new().state(State::Ended(EndState::Accepted));
        let tallies = store.tally(&sent).await?;
        let sent: u64 = tallies.iter().map(|tally| tally.count).sum();
        let sent = usize::try_from(sent)?;
        if killed.is_none() && sent > MESSAGES / 4 {
            one.kill()?;
            one.wait()?;
            println!("replica one is killed after {sent} of {MESSAGES} messages");
            killed = Some(Instant::now());
        }
        if sent >= MESSAGES {
            break;
        }
        if began.elapsed() > Duration::from_secs(120) {
            return Err(format!("only {sent} of {MESSAGES} were sent").into());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    two.kill()?;
    two.wait()?;
    let took = killed.map_or(Duration::ZERO, |at| at.elapsed());
    println!("all are sent {} ms later", took.as_millis());
    let sent = book::read(&path)?;
    println!(
        "one sent {}, two sent {}; {} of {} messages were sent twice: \
         those of which nobody knew whether they had been",
        sent.by("one"),
        sent.by("two"),
        sent.twice(),
        sent.messages()
    );
    Ok(())
}
