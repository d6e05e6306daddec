//! One event, two channels, three processes: `notification-api` publishes to Kafka or Redis, `email-worker`
//! sends the mails, `sms-worker` the texts. This program starts them, and a broker and a database
//! where the environment names none; it publishes the events of the quickstart through the API and
//! shows what each worker made of them.
//!
//! ```console
//! $ cargo run -p signalbus-examples --features servers --example fanout
//! $ cargo run -p signalbus-examples --features servers --example fanout -- --bus redis
//! ```
//!
//! `SIGNALBUS_TEST_KAFKA` (`host:port`), `SIGNALBUS_TEST_REDIS_URL` and `DATABASE_URL` name servers of yours. Topics, group and
//! tables have names of their own in each run.

#![expect(clippy::print_stdout, reason = "a program talks to its user")]

mod backing;
mod child;
mod publish;
mod scrape;
mod watch;

use std::{error::Error, process::ExitCode};

use clap::Parser as _;
use signalbus_examples::servers::{Program, main as serve};

use crate::{
    backing::{Backing, Kind},
    child::Child,
};

/// What the API asks for in this run.
const KEY: &str = "fanout-is-an-example-and-its-key-no-secret";

/// Fans events out over three processes.
#[derive(Debug, clap::Parser)]
struct Args {
    /// What carries the events.
    #[arg(long, value_enum, default_value_t = Kind::Kafka)]
    bus: Kind,
}

fn main() -> ExitCode {
    // The servers are this program, too: so that one command builds all there is.
    let role = std::env::args().nth(1);
    if let Some(program) = role.as_deref().and_then(Program::named) {
        return serve(program, 1);
    }
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            println!("fanout: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    // A client of HTTP asks for one, though nothing here is encrypted.
    let _ = rustls::crypto::ring::default_provider().install_default();
    // On this thread: servers end with the thread that started them.
    let backing = Backing::start(Args::parse().bus)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(fan_out(&backing))
}

async fn fan_out(backing: &Backing) -> Result<(), Box<dyn Error>> {
    let start = |program| Child::start(program, backing);
    let api = start(Program::Api)?;
    let workers = [start(Program::Email)?, start(Program::Sms)?];
    for child in [&api].into_iter().chain(&workers) {
        child.wait_until_ready().await?;
        println!("{} is process {}", child.name(), child.id());
    }
    let published = publish::all(&api, backing).await?;
    println!(
        "\nThe API took {} events, and refused {} that nothing can be made of.",
        published.taken, published.refused
    );
    watch::until_done(&workers, backing, published.taken).await?;
    println!();
    for worker in &workers {
        println!("{} sent", worker.name());
        for (outcome, count) in scrape::ended(worker).await? {
            println!("  {outcome:<24} {count:>5}");
        }
    }
    for child in [api].into_iter().chain(workers) {
        child.stop()?;
    }
    Ok(())
}
