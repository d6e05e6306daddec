//! `cargo xtask test`: everything that can fail at run time.
//!
//! SQLite is embedded, and the other end of every HTTP call is started by the test itself. Other
//! servers are started by [`servers`](crate::servers) before the tests, which find them through
//! environment variables. A test is never skipped because its server is missing.

use crate::examples;
use crate::process::{cargo, watch};
use crate::report::{Done, Report};
use crate::servers::Servers;
use crate::tally::Tally;

pub(crate) fn run(report: &mut Report) {
    let servers = Servers::start(report);
    // First, since tests of the examples run what is built here.
    examples::run(report, &servers);
    // Not `--all-targets`: that would run the benchmarks too.
    report.step("tests", || {
        tests(&servers, &["--lib", "--bins", "--tests", "--examples"])
    });
    report.step("doc tests", || tests(&servers, &["--doc"]));
}

/// The Kafka bus while brokers of a cluster of three die, hang and move, and 200,000 events while
/// workers are killed: minutes.
pub(crate) fn cluster(report: &mut Report) {
    report.step("kafka cluster", || {
        let mut command = cargo(["test", "-p", "signalbus-kafka", "--all-features"]);
        command.args(["--test", "cluster", "--", "--ignored", "--test-threads=1"]);
        let mut tally = Tally::default();
        watch(command, |line| tally.line(line)).map(|()| Done::Ran(tally.phrase()))
    });
}

fn tests(servers: &Servers, targets: &[&str]) -> Result<Done, String> {
    let mut command = cargo(["test", "--workspace", "--all-features", "--no-fail-fast"]);
    command.args(targets);
    servers.tell(&mut command);
    let mut tally = Tally::default();
    watch(command, |line| tally.line(line))
        .map(|()| Done::Ran(tally.phrase()))
        .map_err(|error| format!("{}\n               {error}", tally.phrase()))
}
