//! `signalbus-up`: what `compose.yaml` starts, as plain processes on this machine, until it is told to
//! stop. `cargo xtask up` builds what it needs and starts it.
//!
//! | file | what is in it |
//! | --- | --- |
//! | `topology` | every process, and its settings |
//! | `files` | the folder: logs, mails, the key, and the configurations with the addresses of this run |
//! | `places` | who listens where |
//! | `ready` | waiting until all of them are |
//! | `traffic` | a few events each second, so that there is something to see |
//! | `board` | the numbers of the first dashboard, in a terminal |

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

mod board;
mod files;
mod places;
mod ready;
mod topology;
mod traffic;

use std::{error::Error, path::PathBuf, process::ExitCode, time::Duration};

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

use crate::{board::Board, files::Files, places::Places, topology::Topology, traffic::Traffic};

/// The whole system as plain processes, until it is told to stop.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder with the programs: those that `cargo build --examples` makes
    #[arg(long, default_value = "target/debug/examples")]
    programs: PathBuf,
    /// A Python that has aiosmtpd, which catches the mails
    #[arg(long, env = "SIGNALBUS_TEST_AIOSMTPD", default_value = "python3")]
    python: String,
    /// Where logs, mails and the key of the API go; made anew
    #[arg(long, default_value = "target/up")]
    folder: PathBuf,
    /// How many events are published each second, so that there is something to see
    #[arg(long, default_value_t = 2)]
    rate: u32,
    /// Seconds between two looks at the numbers; 0 shows none
    #[arg(long, default_value_t = 15)]
    board: u64,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("signalbus-up: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn Error>> {
    // A client of HTTP asks for one, though nothing here is encrypted.
    drop(rustls::crypto::ring::default_provider().install_default());
    let files = Files::make(&arguments.folder)?;
    let places = Places::choose()?;
    println!(
        "Starting Postgres, Redis, Kafka and the programs; their logs are in {}.",
        files
    );
    // On this thread: servers end with the thread that started them.
    let mut topology = Topology::start(&arguments.programs, &arguments.python, &files, &places)?;
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        // From now on a signal is an end in good order.
        let mut terminate = signal(SignalKind::terminate())?;
        tokio::select! {
            done = serve(arguments, &files, &places, &mut topology) => done,
            told = tokio::signal::ctrl_c() => Ok(told?),
            _ = terminate.recv() => Ok(()),
        }
    })?;
    println!("Stopping.");
    drop(topology);
    println!("Stopped.");
    Ok(())
}

/// Goes on until something is wrong.
async fn serve(
    arguments: &Arguments,
    files: &Files,
    places: &Places,
    topology: &mut Topology,
) -> Result<(), Box<dyn Error>> {
    let client = reqwest::Client::builder().no_proxy().build()?;
    ready::wait(&client, places, topology).await?;
    show(files, places, topology);
    let traffic = Traffic::new(client.clone(), places, files.key());
    let board = Board::new(client, places)?;
    let mut publish = tokio::time::interval(Duration::from_secs(1));
    let mut look = tokio::time::interval(Duration::from_secs(arguments.board.max(1)));
    look.reset();
    let mut number = 0_u64;
    loop {
        tokio::select! {
            _ = publish.tick() => {
                if let Some(name) = topology.ended() {
                    return Err(format!("{name} has ended: see its log in {files}").into());
                }
                for _ in 0..arguments.rate {
                    number += 1;
                    traffic.publish(number).await?;
                }
            }
            _ = look.tick(), if arguments.board > 0 => println!("{}", board.text().await?),
        }
    }
}

fn show(files: &Files, places: &Places, topology: &Topology) {
    println!();
    for (name, port, path, what) in places.all() {
        println!("{name:<18} http://127.0.0.1:{port}{path:<8} {what}");
    }
    for (name, why) in topology.missing() {
        println!("{name:<18} is not there: {why}");
    }
    println!("mails              {}", files.mails().display());
    println!("key of the API     {}", files.key_file().display());
    println!("\nAll is ready. Publish something of your own:\n");
    println!(
        "curl -H \"Authorization: Bearer $(cat {})\" -H 'Content-Type: application/json' \\\n     \
         -d '{{\"name\": \"Ada\", \"email\": \"ada@example.org\"}}' \\\n     \
         http://127.0.0.1:{}/notify/signup\n",
        files.key_file().display(),
        places.api
    );
    println!("Ctrl-C ends all of it.");
}
