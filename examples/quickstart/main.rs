//! Works off a file of events: publishes them into an SQLite file (or with `--store` Postgres), writes mails into a folder and
//! texts into another file, and tells what became of each.
//!
//! Everything is kept in one folder. Killed at any moment and run again, it goes on where it
//! stopped: nothing is lost, and nothing is there twice.

#![expect(clippy::print_stderr, reason = "a program talks to its user")]

mod database;
mod journal;
mod progress;
mod publish;
mod report;
mod setup;
mod story;
mod texts;
mod unsent;

use std::{
    error::Error,
    io::{self, IsTerminal},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;
use signalbus::Failure;
use tracing_subscriber::{
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

use crate::{journal::Journal, publish::EventFile, setup::Place};

/// Publishes a file of events and sends all that is due.
#[derive(Debug, Parser)]
struct Args {
    /// A file of events of your own, one a line, as in examples/data/events.jsonl. Topics as in there; each file needs
    /// a folder of its own
    #[arg(long, value_name = "FILE")]
    events: Option<PathBuf>,
    /// The folder for the database, the mails and the texts
    #[arg(long, default_value = "quickstart-data")]
    dir: PathBuf,
    /// The URL of a Postgres database in place of an SQLite file (needs the feature `postgres`)
    #[arg(long, value_name = "postgres://...")]
    store: Option<String>,
    /// Tell what became of this line of the file, and do nothing else
    #[arg(long, value_name = "LINE")]
    explain: Option<u32>,
}

#[tokio::main]
async fn main() -> ExitCode {
    log();
    match run(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_closed(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {}", Failure::from(error));
            ExitCode::FAILURE
        }
    }
}

/// Whether nobody reads on, as behind `| head`.
fn is_closed(error: &(dyn Error + 'static)) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// What goes wrong is in the report; `RUST_LOG=signalbus=debug` shows what happens meanwhile.
fn log() {
    let wanted = std::env::var("RUST_LOG").ok();
    let filter = wanted
        .and_then(|wanted| wanted.parse::<Targets>().ok())
        .unwrap_or_else(|| Targets::new().with_default(LevelFilter::ERROR));
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry()
        .with(lines)
        .with(filter)
        .init();
}

async fn run(args: Args) -> Result<(), Box<dyn Error + Send + Sync>> {
    let place = Place::new(args.dir);
    let (signalbus, database) = setup::open(&place, args.store.as_deref()).await?;
    let file = EventFile::read(args.events.as_deref())?;
    let journal = Journal::open(&database).await?;
    if let Some(line) = args.explain {
        return story::print(&signalbus, &journal, &file, line).await;
    }
    setup::suppress(&signalbus, file.tenants()).await?;

    signalbus.start();
    let before = publish::all(&signalbus, &database, &journal, &file).await?;
    progress::until_idle(&signalbus).await?;
    signalbus.shutdown().await;

    report::print(&signalbus, &journal, &file, &place, before).await?;
    database.close().await;
    Ok(())
}
