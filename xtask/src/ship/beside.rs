//! An upgrade one process after the other: hosts of an earlier revision, built from it, work on the same tables as
//! ours, which bring them up to date meanwhile.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::earlier::{PROGRAM, chaos, checked_out};
use crate::metadata::Metadata;
use crate::process::{cargo, run as run_command, works};
use crate::report::{Done, Report};

/// The last revision with tables of version 3 on Postgres; version 6 came in the next one.
const EARLIER: &str = "3c3436f60c97576226df1081b887007d1544cb3f";

pub(crate) fn run(report: &mut Report) {
    report.step("an earlier version beside this one", || {
        let target = Metadata::target()?;
        let old = build(&target)?;
        let mut beside = chaos(cargo(["run", "--quiet"]));
        beside.args(["--", "--beside"]).arg(&old);
        run_command(beside)?;
        Ok(Done::Ran(format!(
            "hosts of {:.7} and of this one",
            EARLIER
        )))
    });
}

/// The program of the earlier revision. Built in a place of its own: cargo takes crates at the same path of two
/// checkouts for one another where they share a target folder.
fn build(target: &Path) -> Result<PathBuf, String> {
    let folder = target.join("beside");
    let (source, old) = (folder.join("source"), folder.join(EARLIER));
    if old.exists() {
        return Ok(old);
    }
    let mut has = Command::new("git");
    has.args(["cat-file", "-e", &format!("{EARLIER}^{{commit}}")]);
    if !works(has) {
        return Err(format!(
            "this clone is shallow and has no commit {EARLIER}: run `git fetch --unshallow`, or check out with `fetch-depth: 0`"
        ));
    }
    let mut build = cargo(["build", "--quiet", "--locked", "--manifest-path"]);
    build.arg(source.join("Cargo.toml"));
    let apart = folder.join("target");
    build.env("CARGO_TARGET_DIR", &apart);
    checked_out(EARLIER, &source, || run_command(chaos(build)))?;
    fs::copy(apart.join("debug").join(PROGRAM), &old).map_err(|error| error.to_string())?;
    Ok(old)
}
