//! The book as a site, in `target/book`.

use std::process::Command;

use crate::metadata::Metadata;
use crate::process::{cargo, run as run_command};
use crate::report::{Done, Report};

/// What the workflow installs, too.
const MDBOOK: &str = "0.5.4";

pub(crate) fn run(report: &mut Report) {
    report.step("the book by mdBook", || {
        if run_command(command("--version")).is_err() {
            run_command(cargo([
                "install",
                "mdbook",
                "--version",
                MDBOOK,
                "--locked",
                "--no-default-features",
                "--features=search",
            ]))?;
        }
        let mut build = command("build");
        let site = Metadata::target()?.join("book");
        build.arg("docs").arg("--dest-dir").arg(&site);
        run_command(build)?;
        Ok(Done::Ran(format!("{}", site.display())))
    });
}

fn command(what: &str) -> Command {
    let mut command = Command::new("mdbook");
    command.arg(what);
    command
}
