//! `cargo xtask check`: everything that can fail without running the library.

use crate::process::{cargo, component, run as run_command};
use crate::report::{Done, Report};
use crate::{book, deny, features, guard, package};

pub(crate) fn run(report: &mut Report) {
    report.step("format", format);
    report.step("lints", lints);
    report.step("documentation", || documentation(&[]));
    report.step("documentation of private items", || {
        documentation(&["--document-private-items"])
    });
    book::check::run(report);
    features::run(report);
    guard::run(report);
    package::run(report);
    deny::run(report);
}

fn format() -> Result<Done, String> {
    component("fmt", "rustfmt")?;
    run_command(cargo(["fmt", "--all", "--check"]))?;
    Ok(Done::Ran(String::new()))
}

fn lints() -> Result<Done, String> {
    component("clippy", "clippy")?;
    run_command(cargo([
        "clippy",
        "--workspace",
        "--all-targets",
        "--all-features",
        "--",
        "-D",
        "warnings",
    ]))?;
    Ok(Done::Ran(String::new()))
}

fn documentation(more: &[&str]) -> Result<Done, String> {
    let mut command = cargo(["doc", "--workspace", "--all-features", "--no-deps"]);
    command.args(more).env("RUSTDOCFLAGS", "-D warnings");
    run_command(command)?;
    Ok(Done::Ran(String::new()))
}
