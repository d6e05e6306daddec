//! `cargo xtask deny`: what may enter the dependency graph; the rules are in deny.toml.

use crate::process::{cargo, run as run_command, works};
use crate::report::{Done, Report};

/// Another version may not know the keys of deny.toml.
const VERSION: &str = "0.20.2";

pub(crate) fn run(report: &mut Report) {
    report.step("bans, licences, sources", || {
        install()?;
        run_command(cargo(["deny", "check", "bans", "licenses", "sources"]))?;
        Ok(Done::Ran(String::new()))
    });
    report.step("advisories", advisories);
}

fn install() -> Result<(), String> {
    if works(cargo(["deny", "--version"])) {
        return Ok(());
    }
    run_command(cargo([
        "install",
        "cargo-deny",
        "--locked",
        "--version",
        VERSION,
    ]))
}

/// A network without the database is no fault of the change being checked.
fn advisories() -> Result<Done, String> {
    if run_command(cargo(["deny", "fetch"])).is_err() {
        return Ok(Done::NotChecked("database could not be reached".to_owned()));
    }
    run_command(cargo(["deny", "check", "--disable-fetch", "advisories"]))?;
    Ok(Done::Ran(String::new()))
}
