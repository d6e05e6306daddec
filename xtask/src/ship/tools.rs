//! Tools of others, in the folder where everything is built: each in the version that is written here.

use std::path::PathBuf;
use std::process::Command;

use crate::metadata::Metadata;
use crate::process::{run as run_command, works};
use crate::servers::install;

/// A program that Go builds from source. Minutes, the first time.
pub(super) fn go(program: &str, module: &str, version: &str) -> Result<PathBuf, String> {
    let folder = Metadata::target()?.join("tools").join(version);
    let path = folder.join(program);
    if path.exists() {
        return Ok(path);
    }
    let mut known = Command::new("go");
    known.arg("version");
    if !works(known) {
        install(&["golang-go"], "go is not installed".to_owned())?;
    }
    let mut command = Command::new("go");
    command
        .args(["install", &format!("{module}@{version}")])
        .env("GOBIN", &folder);
    run_command(command)?;
    Ok(path)
}

/// A program of a Python package, in an environment of its own.
pub(super) fn python(program: &str, package: &str) -> Result<PathBuf, String> {
    let folder = Metadata::target()?.join(program);
    let path = folder.join("bin").join(program);
    let mut known = Command::new(&path);
    known.arg("--help");
    if works(known) {
        return Ok(path);
    }
    let venv = || {
        let mut command = Command::new("python3");
        command.args(["-m", "venv"]).arg(&folder);
        run_command(command)
    };
    venv().or_else(|error| {
        let missing = format!("python3-venv is not installed: {error}");
        install(&["python3-venv"], missing)?;
        venv()
    })?;
    let mut command = Command::new(folder.join("bin/python"));
    command.args(["-m", "pip", "install", "--quiet", package]);
    run_command(command)?;
    Ok(path)
}
