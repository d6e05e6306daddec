//! `cargo xtask chaos`: the program signalbus-chaos of the package signalbus-sim, which prints its own summary.

use crate::process::{cargo, run as run_command};
use crate::report::{Done, Report};

pub(crate) fn run(report: &mut Report, kills: u32, seed: Option<u64>, store: &str) {
    report.step("chaos", || {
        let mut command = cargo([
            "run",
            "--quiet",
            "--package",
            "signalbus-sim",
            "--bin=signalbus-chaos",
            "--",
        ]);
        command.args(["--kills", &kills.to_string(), "--store", store]);
        if let Some(seed) = seed {
            command.args(["--seed", &seed.to_string()]);
        }
        run_command(command)?;
        Ok(Done::Ran(format!("{kills} kills")))
    });
}
