//! schemathesis, of PyPI, in an environment of its own: it asks the live API what its document says.

use std::process::Command;

use crate::metadata::Metadata;
use crate::process::{cargo, run as run_command, works};
use crate::report::{Done, Report};
use crate::servers::install;

/// Names the program for the tests.
pub(crate) const VARIABLE: &str = "SIGNALBUS_TEST_SCHEMATHESIS";

/// What is installed: the tests read what this version prints.
const PACKAGE: &str = "schemathesis==4.32.5";

/// Requests made up for each route at night: more than 10,000 in all.
const EXAMPLES_AT_NIGHT: &str = "200";

/// The program that is named, or one that is installed here.
pub(crate) fn program() -> Result<String, String> {
    if let Ok(program) = std::env::var(VARIABLE) {
        return Ok(program);
    }
    let folder = Metadata::target()?.join("schemathesis");
    let program = folder.join("bin/st");
    let mut version = Command::new(&program);
    version.arg("--version");
    if !works(version) {
        let venv = || {
            let mut command = Command::new("python3");
            command.args(["-m", "venv"]).arg(&folder);
            run_command(command)
        };
        venv().or_else(|error| {
            install(
                &["python3-venv"],
                format!("python3-venv is not installed: {error}"),
            )?;
            venv()
        })?;
        let mut command = Command::new(folder.join("bin/python"));
        command.args(["-m", "pip", "install", "--quiet", PACKAGE]);
        run_command(command)?;
    }
    Ok(program.to_string_lossy().into_owned())
}

/// Many more requests than the tests make.
pub(crate) fn run(report: &mut Report) {
    report.step("the live API against its document", || {
        let mut command = cargo([
            "test",
            "--package",
            "signalbus-http",
            "--features=__servers",
        ]);
        command.args(["--test", "schema"]);
        command.env(VARIABLE, program()?);
        command.env(format!("{VARIABLE}_EXAMPLES"), EXAMPLES_AT_NIGHT);
        run_command(command)?;
        Ok(Done::Ran(format!("{EXAMPLES_AT_NIGHT} requests a route")))
    });
}
