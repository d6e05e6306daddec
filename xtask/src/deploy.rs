//! `cargo xtask deploy`: what is in `deploy`, by promtool and amtool, and against real servers. Part of
//! `cargo xtask test`, which runs the same tests; this is the quick way to them.

use crate::process::{cargo, run as run_command};
use crate::report::{Done, Report};
use crate::servers::Servers;

pub(crate) fn run(report: &mut Report) {
    let servers = Servers::start(report);
    report.step("programs", || {
        let mut command = cargo(["build", "--package", "signalbus-examples"]);
        command.args(["--features=servers", "--examples"]);
        run_command(command)?;
        Ok(Done::Ran(String::new()))
    });
    report.step("rules, dashboards and runbooks", || {
        let mut command = cargo(["test", "--package", "signalbus-deploy"]);
        command.args(["--all-features", "--no-fail-fast"]);
        servers.tell(&mut command);
        run_command(command)?;
        Ok(Done::Ran(String::new()))
    });
}
