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
//! With `--keep` the files stay, and `judge` reads them again.

#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal, which owns its clock and its tasks"
)]

mod evidence;
mod host;
mod hunt;
mod line;
mod log;
mod store_log;
mod summary;

use std::{
    error::Error,
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use rand::{RngExt, rngs::StdRng};

use crate::host::Duty;

/// Kills a host of Signalbus at random and checks what became of every message.
#[derive(Debug, Parser)]
struct Arguments {
    /// How many kills.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// Decides the moments of the kills; printed with the summary.
    #[arg(long)]
    seed: Option<u64>,
    /// A new folder for what was seen; it is kept.
    #[arg(long)]
    keep: Option<PathBuf>,
    #[command(subcommand)]
    role: Option<Role>,
}

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
    hunt::run(directory, arguments.kills, seed).await?;
    judge(directory).await
}

async fn judge(directory: &Path) -> Result<bool, Box<dyn Error>> {
    let evidence = evidence::gather(directory).await?;
    let violations = evidence.violations();
    summary::print(&evidence, &violations);
    Ok(violations.is_empty())
}
