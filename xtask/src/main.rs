//! Chores of the workspace, started as `cargo xtask <chore>`.
//!
//! | Chore | What it does | Where |
//! |---|---|---|
//! | `test` | every test, every doc test, every example | [`mod@test`], [`examples`], [`servers`] |
//! | `check` | format, lints, documentation, features, dependencies, packages | [`check`], [`features`], [`guard`], [`package`] |
//! | `book` | the documentation as a site, and what of it is generated; links are part of `check` | [`book`] |
//! | `deny` | bans, licences, sources, advisories; part of `check` | [`deny`] |
//! | `deploy` | rules by promtool and amtool, dashboards, and all of it against a real Prometheus | [`deploy`] |
//! | `up` | the whole system as plain processes, until Ctrl-C | [`up`] |
//! | `images`, `charts` | images without an engine; chart and workflows by the tools of others | [`ship`] |
//! | `release`, `notices`, `sbom` | what a release has | [`ship`] |
//! | `chaos` | kills real processes at random and checks what became of every message | [`chaos`] |
//! | `plots` | draws what the benchmarks wrote | [`plots`] |
//! | `sim` | the engine in a simulated world, seed by seed | [`sim`] |
//! | `fuzz` | looks for inputs that break a promise, guided by coverage | [`fuzz`] |
//! | `ci` | `check` and `test`: what a merge needs | this file |
//!
//! A chore adds steps to a [`report`]; a failed step does not stop the next one. Steps run
//! programs through [`process`] and learn about the workspace from [`metadata`].

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod book;
mod chaos;
mod check;
mod deny;
mod deploy;
mod examples;
mod features;
mod first_message;
mod fuzz;
mod guard;
mod metadata;
mod package;
mod plots;
mod postgres;
mod prism;
mod process;
mod redis;
mod report;
mod schema;
mod servers;
mod ship;
mod sim;
mod tally;
mod test;
#[cfg(unix)]
mod up;

use std::path::Path;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::report::{Done, Report};

/// Chores of the Signalbus workspace.
#[derive(Debug, Parser)]
#[command(bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Run all tests, doc tests and examples of the workspace.
    Test {
        /// What takes long, too: 200 kills on each durable store, 10,000 requests to the live API, a Kafka
        /// cluster that loses brokers, one limit for a minute, Valkey, Postgres 14, an earlier version beside this one,
        /// requests against the vendors' documents, and the fuzz targets for a minute.
        #[arg(long)]
        all: bool,
    },
    /// Check format, lints, documentation, features and dependencies.
    Check,
    /// Build the book with mdBook into target/book, installing it if it is missing.
    Book {
        /// Write the parts that are generated, and build nothing.
        #[arg(long)]
        write: bool,
        /// Only check, which needs no mdBook: the part of `check` that is about the documentation.
        #[arg(long, conflicts_with = "write")]
        check: bool,
    },
    /// What mdBook calls: a book as JSON on standard input, the same rewritten on standard output.
    #[command(hide = true)]
    BookPages {
        /// `supports`, and what for.
        question: Vec<String>,
    },
    /// Check the dependency graph with cargo-deny, installing it if it is missing.
    Deny,
    /// Check rules, dashboards and runbooks with the tools of those who run them.
    Deploy,
    /// Kill processes at random, and check that no message is lost or sent too often.
    Chaos {
        /// How many kills.
        #[arg(long, default_value_t = 200)]
        kills: u32,
        /// Repeats the moments of the kills of an earlier run, as far as an operating system can.
        #[arg(long)]
        seed: Option<u64>,
        /// The store: `sqlite`, `full-disk`, `postgres`, or the URL of a Postgres database.
        #[arg(long, default_value = "sqlite")]
        store: String,
        /// In place of kills: what goes wrong with a Postgres server: `restart`, `crash`, `terminate`, `exhaust`,
        /// `freeze`, `disk`, `clock`, or `all` of them.
        #[arg(long)]
        fault: Option<String>,
        /// How many seconds a fault lasts.
        #[arg(long, requires = "fault")]
        lasts: Option<u32>,
    },
    /// Play seeds of the simulation and check every promise.
    Sim(sim::Arguments),
    /// Look for inputs that break a promise, installing cargo-fuzz and a nightly if missing.
    Fuzz(fuzz::Arguments),
    /// Start the whole system as plain processes, and keep it running until Ctrl-C.
    #[cfg(unix)]
    Up,
    /// Make the images without an engine, from static programs, and start one in a chroot.
    Images,
    /// Check the chart with helm and the schemas of Kubernetes, and the workflows with actionlint.
    Charts,
    /// Make what a release has, and publish it unless it is a dry run.
    Release(ship::release::Arguments),
    /// Print the licences of what is inside the images, and nothing else.
    Notices,
    /// Write what the images are made of, as CycloneDX.
    Sbom,
    /// Draw what the benchmarks wrote into benches/results.
    Plots,
    /// Everything a merge needs: `check` and `test`.
    Ci,
}

fn main() -> ExitCode {
    let chore = Arguments::parse().chore;
    if let Err(error) = std::env::set_current_dir(workspace_root()) {
        eprintln!("cannot enter the root of the workspace: {error}");
        return ExitCode::FAILURE;
    }
    if matches!(chore, Chore::Notices) {
        return print_notices();
    }
    if let Chore::BookPages { question } = &chore {
        return book_pages(question);
    }
    #[cfg(unix)]
    if matches!(chore, Chore::Up) {
        // Comes back only when it could not start.
        let Err(error) = up::run() else {
            return ExitCode::SUCCESS;
        };
        eprintln!("{error}");
        return ExitCode::FAILURE;
    }
    let mut report = Report::default();
    match chore {
        Chore::Test { all } => {
            test::run(&mut report);
            if all {
                for store in ["sqlite", "full-disk", "postgres"] {
                    chaos::run(&mut report, 200, None, store);
                }
                chaos::faults(&mut report, "all", None);
                test::cluster(&mut report);
                redis::run(&mut report);
                postgres::run(&mut report);
                postgres::seaorm(&mut report);
                schema::run(&mut report);
                prism::run(&mut report);
                ship::images::run(&mut report);
                ship::charts::run(&mut report);
                ship::workflows::run(&mut report);
                ship::release::interface(&mut report);
                book::build::run(&mut report);
                ship::upgrade::run(&mut report);
                ship::beside::run(&mut report);
                fuzz::run(&mut report, &fuzz::Arguments::short());
            }
        }
        Chore::Check => check::run(&mut report),
        Chore::Deny => deny::run(&mut report),
        Chore::Deploy => deploy::run(&mut report),
        Chore::Chaos {
            fault: Some(fault),
            lasts,
            ..
        } => chaos::faults(&mut report, &fault, lasts),
        Chore::Chaos {
            kills, seed, store, ..
        } => chaos::run(&mut report, kills, seed, &store),
        Chore::Sim(arguments) => sim::run(&mut report, &arguments),
        Chore::Fuzz(arguments) => fuzz::run(&mut report, &arguments),
        Chore::Book { write: true, .. } => book::check::write(&mut report),
        Chore::Book { check: true, .. } => book::check::run(&mut report),
        Chore::Book { .. } => book::build::run(&mut report),
        Chore::Notices | Chore::BookPages { .. } => {}
        #[cfg(unix)]
        Chore::Up => {}
        Chore::Images => ship::images::run(&mut report),
        Chore::Plots => plots::run(&mut report),
        Chore::Charts => {
            ship::charts::run(&mut report);
            ship::workflows::run(&mut report);
        }
        Chore::Release(arguments) => ship::release::run(&mut report, &arguments),
        Chore::Sbom => report.step("what the images are made of", || {
            let (path, parts) = ship::sbom::write()?;
            Ok(Done::Ran(format!("{parts} crates in {}", path.display())))
        }),
        Chore::Ci => {
            check::run(&mut report);
            test::run(&mut report);
        }
    }
    report.finish()
}

fn print_notices() -> ExitCode {
    match ship::notices::text() {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Any renderer is supported.
fn book_pages(question: &[String]) -> ExitCode {
    if !question.is_empty() {
        return ExitCode::SUCCESS;
    }
    match book::filter::run() {
        Ok(book) => {
            println!("{book}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn workspace_root() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here)
}
