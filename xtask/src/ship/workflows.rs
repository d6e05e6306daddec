//! The workflows by actionlint, which knows what a workflow may say and what an expression refers to.

use std::fs;
use std::process::Command;

use super::tools;
use crate::metadata::Metadata;
use crate::process::{run as run_command, works};
use crate::report::{Done, Report};

const ACTIONLINT: (&str, &str) = ("github.com/rhysd/actionlint/cmd/actionlint", "v1.7.7");

/// It is refused, or what checks is not checking.
const BROKEN: &str = "on: push\njobs:\n  a:\n    runs-on: ubuntu-24.04\n    needs: nobody\n    steps:\n      - run: 'true'\n";

pub(crate) fn run(report: &mut Report) {
    report.step("workflows", || {
        let actionlint = tools::go("actionlint", ACTIONLINT.0, ACTIONLINT.1)?;
        let folder = Metadata::target()?.join("workflows");
        fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let broken = folder.join("broken.yml");
        fs::write(&broken, BROKEN).map_err(|error| error.to_string())?;
        let mut command = Command::new(&actionlint);
        command.arg(&broken);
        if works(command) {
            return Err("actionlint takes a job that needs nobody".to_owned());
        }
        let mut count = 0;
        let mut command = Command::new(&actionlint);
        let entries = fs::read_dir(".github/workflows").map_err(|error| error.to_string())?;
        for entry in entries {
            command.arg(entry.map_err(|error| error.to_string())?.path());
            count += 1;
        }
        run_command(command)?;
        Ok(Done::Ran(format!("{count} files")))
    });
}
