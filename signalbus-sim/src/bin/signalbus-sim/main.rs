//! Plays many seeds of the simulation and says what came of it: `cargo xtask sim`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal"
)]

use std::process::ExitCode;

use signalbus::{Clock as _, SystemClock};
use signalbus_sim::sim::{Mode, Script, Summary, run};

/// Runs that shrinking one failure may take.
const SHRINKING: u32 = 150;

/// Failures that are told in full.
const TOLD: usize = 3;

fn main() -> ExitCode {
    let Some((mode, from, count)) = arguments() else {
        eprintln!("usage: signalbus-sim <safety|liveness> <first seed> <how many>");
        return ExitCode::FAILURE;
    };
    let clock = SystemClock::new();
    let mut summary = Summary::default();
    for seed in from..from.saturating_add(count) {
        match run(&Script::new(seed, mode)) {
            Ok(run) => {
                summary.add(&run);
                if !run.violations.is_empty() && summary.failed().len() <= TOLD {
                    println!("{}", run.report(SHRINKING));
                }
            }
            Err(error) => {
                eprintln!("seed {seed} could not be played: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    print!("{summary}");
    println!("  took        {:.1?}", clock.monotonic());
    if summary.failed().is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn arguments() -> Option<(Mode, u64, u64)> {
    let mut arguments = std::env::args().skip(1);
    let mode = match arguments.next()?.as_str() {
        "safety" => Mode::Safety,
        "liveness" => Mode::Liveness,
        _ => return None,
    };
    let from = arguments.next()?.parse().ok()?;
    let count = arguments.next()?.parse().ok()?;
    Some((mode, from, count))
}
