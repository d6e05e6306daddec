//! An earlier revision, checked out beside this one, and its chaos program.

use std::path::Path;
use std::process::Command;

use crate::process::{run as run_command, works};

/// The program of ours and of earlier revisions.
pub(super) const PROGRAM: &str = "signalbus-chaos";

/// Checks a revision out at `source`, does `work`, and takes it away again.
pub(super) fn checked_out(
    revision: &str,
    source: &Path,
    work: impl FnOnce() -> Result<(), String>,
) -> Result<(), String> {
    // Of a run that was broken off.
    let _ = works(git(["worktree", "remove", "--force"], source));
    let mut add = git(["worktree", "add", "--detach", "--force"], source);
    add.arg(revision);
    run_command(add)?;
    let done = work();
    run_command(git(["worktree", "remove", "--force"], source))?;
    done
}

/// What `command` of cargo does, for the chaos program.
pub(super) fn chaos(mut command: Command) -> Command {
    command.args(["--package", "signalbus-sim", "--bin", PROGRAM]);
    command
}

fn git<const N: usize>(words: [&str; N], place: &Path) -> Command {
    let mut command = Command::new("git");
    command.args(words).arg(place);
    command
}
