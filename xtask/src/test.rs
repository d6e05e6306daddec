//! `cargo xtask test`: everything that can fail at run time.
//!
//! No test needs a server yet: SQLite is embedded, and the other end of every HTTP call is
//! started by the test itself. The first test that needs one gets a module `servers` here,
//! which brings up what is needed before the tests and takes it down after them, in this
//! order of preference: the environment variable with its address, if set; else an installed
//! binary, started privately; else, for root on Debian, `apt-get install` and then the same;
//! else Docker Compose; else an error that says what to install. A test is never skipped
//! because its server is missing.

use crate::examples;
use crate::process::{cargo, watch};
use crate::report::{Done, Report};
use crate::tally::Tally;

pub(crate) fn run(report: &mut Report) {
    // First, since tests of the examples run what is built here.
    examples::run(report);
    // Not `--all-targets`: that would run the benchmarks too.
    report.step("tests", || {
        tests(&["--lib", "--bins", "--tests", "--examples"])
    });
    report.step("doc tests", || tests(&["--doc"]));
}

fn tests(targets: &[&str]) -> Result<Done, String> {
    let mut command = cargo(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    command.args(targets);
    let mut tally = Tally::default();
    watch(command, |line| tally.line(line))
        .map(|()| Done::Ran(tally.phrase()))
        .map_err(|error| format!("{}\n               {error}", tally.phrase()))
}
