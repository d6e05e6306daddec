//! What the last version wrote, read by this one: its own hunt leaves a store and three observers' books, and this
//! version judges them, which opens the store, brings its tables up to date and reads every row.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::earlier::{chaos, checked_out};
use crate::metadata::Metadata;
use crate::process::{capture, cargo, run as run_command};
use crate::report::{Done, Report};

/// Another version than the last tag.
const FROM: &str = "SIGNALBUS_UPGRADE_FROM";

/// How many hosts of the last version are killed over their work.
const KILLS: &str = "20";

pub(crate) fn run(report: &mut Report) {
    report.step("what the last version wrote", || {
        let Some(last) = last()? else {
            return Ok(Done::NotChecked(
                "there is no tag yet to come from".to_owned(),
            ));
        };
        let folder = Metadata::target()?.join("upgrade");
        let (source, left) = (folder.join("source"), folder.join("left"));
        if left.exists() {
            fs::remove_dir_all(&left).map_err(|error| error.to_string())?;
        }
        checked_out(&last, &source, || hunt(&source, &folder, &left))?;
        let mut judge = chaos(cargo(["run", "--quiet"]));
        judge.args(["--", "judge"]).arg(&left);
        run_command(judge)?;
        Ok(Done::Ran(format!("what {last} left was taken over")))
    });
}

/// A hunt of the last version by itself.
fn hunt(source: &Path, folder: &Path, left: &Path) -> Result<(), String> {
    let mut hunt = cargo(["run", "--quiet", "--locked", "--manifest-path"]);
    hunt.arg(source.join("Cargo.toml"));
    hunt.env("CARGO_TARGET_DIR", folder.join("built"));
    let mut hunt = chaos(hunt);
    hunt.args(["--", "--kills", KILLS, "--keep"]).arg(left);
    run_command(hunt)
}

fn last() -> Result<Option<String>, String> {
    if let Ok(from) = std::env::var(FROM) {
        return Ok(Some(from));
    }
    let mut tags = Command::new("git");
    tags.args(["tag", "--list", "v*", "--sort=-version:refname"]);
    Ok(capture(tags)?.lines().next().map(str::to_owned))
}
