//! `cargo xtask sim`: the real engine in a world made of one seed, for as many seeds as asked for.

use crate::process::{cargo, run as run_command};
use crate::report::{Done, Report};

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// How many seeds to play; one when a seed is named.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first seed: what a failure told to replay.
    #[arg(long)]
    seed: Option<u64>,
    /// Leave one worker or provider broken for good: the healthy rest must finish.
    #[arg(long)]
    liveness: bool,
}

/// Seeds that are played when nothing is said.
const SEEDS: u64 = 500;

impl Arguments {
    /// What the program that plays them takes.
    fn for_program(&self) -> [String; 3] {
        let mode = if self.liveness { "liveness" } else { "safety" };
        let count = self
            .seeds
            .unwrap_or(if self.seed.is_some() { 1 } else { SEEDS });
        let first = self.seed.unwrap_or(0);
        [mode.to_owned(), first.to_string(), count.to_string()]
    }
}

pub(crate) fn run(report: &mut Report, arguments: &Arguments) {
    report.step("simulation", || {
        let mut command = cargo(["run", "--quiet", "--package", "signalbus-sim"]);
        command.args(["--bin=signalbus-sim", "--"]);
        command.args(arguments.for_program());
        run_command(command)?;
        Ok(Done::Ran(String::new()))
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_is_replayed_and_many_are_played() {
        let words = |seeds, seed, liveness| {
            let arguments = Arguments {
                seeds,
                seed,
                liveness,
            };
            arguments.for_program().join(" ")
        };
        assert_eq!(words(None, None, false), "safety 0 500");
        assert_eq!(words(None, Some(7), true), "liveness 7 1");
        assert_eq!(words(Some(20), Some(7), false), "safety 7 20");
    }
}
