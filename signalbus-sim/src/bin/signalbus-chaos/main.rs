//! Kills a host of Signalbus with SIGKILL at random moments, and then compares three observers
//! that know nothing of each other: the publishers' log, the provider's book and the store.
//!
//! `cargo xtask chaos --kills 200`
//!
//! SQLite has one process a file, so one child after the other is the host: most publish and
//! send, some only publish, some only send. The parent looks into the store after each kill, to
//! see which claims were open. At the end a child that is not killed sends what is left, and
//! [`evidence`] gives all that was seen to the checker of `signalbus-sim`. Exits with 1 when a
//! promise was broken.
//!
//! With `--store full-disk` the database is on a small file system in memory, and somebody else fills it while the
//! hosts work: what they could not write they go on with when there is room again.
//!
//! With `--keep` the files stay, and `judge` reads them again.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal, which owns its clock and its tasks"
)]

mod beside;
mod disk;
mod evidence;
mod fault;
mod host;
mod hunt;
mod line;
mod log;
mod skew;
mod store;
mod store_log;
mod summary;
mod trial;
mod work;

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use rand::{RngExt, rngs::StdRng};
use signalbus_servers::{Durability, Postgres};

use crate::{fault::Fault, host::Duty, store::Place};

/// Kills a host of Signalbus at random and checks what became of every message.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many kills.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// Decides the moments of the kills; printed with the summary.
    #[arg(long)]
    seed: Option<u64>,
    /// The store: `sqlite`, `full-disk` for SQLite on a small disk that is full now and then, `postgres` for a
    /// private server, or the URL of a Postgres database.
    #[arg(long, default_value = "sqlite")]
    store: String,
    /// In place of kills: what goes wrong with a private Postgres server while a host works. Measures whether it comes
    /// back to its work, and whether it stops in time while it lasts.
    #[arg(long)]
    fault: Option<Fault>,
    /// In place of kills: this program as an earlier version built it. Its hosts and ours work beside each other on a
    /// private Postgres server, and ours brings the tables up to date meanwhile.
    #[arg(long, conflicts_with = "fault")]
    beside: Option<PathBuf>,
    /// How long a fault lasts, in seconds.
    #[arg(long, default_value_t = 5)]
    lasts: u64,
    /// Prints rates and times, and decides nothing by them.
    #[arg(long)]
    unhurried: bool,
    /// A new folder for what was seen; it is kept.
    #[arg(long)]
    keep: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

/// The name of SQLite on a disk that is too small.
const SMALL_DISK: &str = "full-disk";

#[derive(Debug, Subcommand)]
enum Role {
    /// Judges what a run with `--keep` left behind.
    Judge {
        /// Its folder.
        directory: PathBuf,
    },
    /// What the hunted processes are started as.
    #[command(hide = true)]
    Host {
        /// Where the database and the logs are.
        directory: PathBuf,
        /// What it does.
        duty: Duty,
        /// Which one it is.
        process: u32,
        /// Decides what is published and how long sends take.
        seed: u64,
    },
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("chaos: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> Result<bool, Box<dyn Error>> {
    match arguments.role {
        Some(Role::Host {
            directory,
            duty,
            process,
            seed,
        }) => {
            host::run(&directory, duty, process, seed).await?;
            return Ok(true);
        }
        Some(Role::Judge { directory }) => return judge(&directory).await,
        None => {}
    }
    if let Some(fault) = arguments.fault {
        let lasts = std::time::Duration::from_secs(arguments.lasts);
        let passed =
            trial::run(fault, lasts, arguments.keep.as_deref(), arguments.unhurried).await?;
        return Ok(passed);
    }
    if let Some(old) = &arguments.beside {
        return beside::run(old, arguments.keep.as_deref()).await;
    }
    let small = arguments.store == SMALL_DISK;
    if small {
        if arguments.keep.is_some() {
            return Err("what is on the small disk is gone afterwards: leave out --keep".into());
        }
        if let Some(status) = disk::enter()? {
            return Ok(status.success());
        }
    }
    let seed = arguments
        .seed
        .unwrap_or_else(|| rand::make_rng::<StdRng>().random());
    println!("chaos: {} kills, seed {seed}", arguments.kills);
    let temporary = tempfile::tempdir()?;
    let directory = match &arguments.keep {
        Some(directory) => {
            std::fs::create_dir(directory)?;
            directory
        }
        None => temporary.path(),
    };
    let (place, server) = place(&arguments.store)?;
    place.choose(directory)?;
    if small {
        disk::make(directory)?;
    }
    hunt::run(directory, arguments.kills, seed).await?;
    let passed = judge(directory).await?;
    drop(server);
    Ok(passed)
}

/// Which store to use, and a server that was started for it. That waits for the disk, as in
/// production.
fn place(store: &str) -> Result<(Place, Option<Postgres>), Box<dyn Error>> {
    if store == "sqlite" || store == SMALL_DISK {
        return Ok((Place::Sqlite, None));
    }
    let (url, server) = if store == "postgres" {
        let server = Postgres::start(Durability::Full, &[])?;
        (server.url(), Some(server))
    } else {
        (store.to_owned(), None)
    };
    let schema: u32 = rand::make_rng::<StdRng>().random();
    Ok((
        Place::Postgres(format!("{url}?schema=chaos_{schema}")),
        server,
    ))
}

async fn judge(directory: &Path) -> Result<bool, Box<dyn Error>> {
    let evidence = evidence::gather(directory).await?;
    let violations = evidence.violations();
    summary::print(&evidence, &violations);
    let slow = Place::of(directory)
        .recovers_within(host::LEASE)
        .filter(|_| !evidence.trial)
        .zip(summary::recovery(&evidence).last().copied())
        .filter(|(most, longest)| longest > most);
    if let Some((most, _)) = slow {
        println!(
            "too slow     it should have recovered within {} ms",
            most.as_millis()
        );
    }
    Ok(violations.is_empty() && slow.is_none())
}
