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

/// What may go wrong with a server, and how many seconds of it are enough.
const FAULTS: [(&str, u32); 7] = [
    ("restart", 60),
    ("crash", 5),
    ("terminate", 5),
    ("exhaust", 5),
    ("freeze", 60),
    ("disk", 10),
    ("clock", 5),
];

/// A trial of one fault, or of all.
pub(crate) fn faults(report: &mut Report, which: &str, lasts: Option<u32>) {
    for (fault, enough) in FAULTS {
        if which != "all" && which != fault {
            continue;
        }
        report.step(&format!("fault: {fault}"), || {
            let mut command = cargo([
                "run",
                "--quiet",
                "--package",
                "signalbus-sim",
                "--bin=signalbus-chaos",
                "--",
            ]);
            let lasts = lasts.unwrap_or(enough).to_string();
            command.args(["--fault", fault, "--lasts", &lasts]);
            run_command(command)?;
            Ok(Done::Ran(format!("{lasts} s")))
        });
    }
}
