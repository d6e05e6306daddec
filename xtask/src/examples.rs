//! Running every example of the workspace as a user would: without arguments or input. Servers do not
//! end by themselves; tests of theirs start them.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde::Deserialize;

use crate::metadata::{Metadata, Target};
use crate::process::{announce, cannot_start, capture, cargo, success};
use crate::report::{Done, Report};
use crate::servers::Servers;

/// An example ends by itself; one that takes this long hangs.
const LIMIT: Duration = Duration::from_secs(300);

pub(crate) fn run(report: &mut Report, servers: &Servers) {
    let mut programs = Vec::new();
    report.step("build examples", || {
        programs = build()?;
        Ok(Done::Ran(format!("{} programs", programs.len())))
    });
    for program in programs {
        report.step(&format!("example {}", program.name), || {
            program.run(servers)
        });
    }
}

struct Program {
    name: String,
    executable: PathBuf,
}

/// One line of cargo's JSON output; only artifacts have all of these.
#[derive(Deserialize)]
struct Artifact {
    manifest_path: PathBuf,
    target: Target,
    executable: Option<PathBuf>,
}

/// Builds all examples. One that cargo knows but did not build is an error.
fn build() -> Result<Vec<Program>, String> {
    let packages = Metadata::load()?.packages;
    let lines = capture(cargo([
        "build",
        "--workspace",
        "--all-features",
        "--examples",
        "--message-format=json-render-diagnostics",
    ]))?;
    let built: Vec<Artifact> = lines
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect();
    let mut programs = Vec::new();
    for package in &packages {
        let examples = package.targets.iter();
        for target in examples.filter(|of| of.is("example") && !of.is_server()) {
            let executable = built
                .iter()
                .filter(|artifact| artifact.manifest_path == package.manifest_path)
                .filter(|artifact| artifact.target.name == target.name)
                .find_map(|artifact| artifact.executable.clone())
                .ok_or_else(|| format!("{}: {} was not built", package.name, target.name))?;
            programs.push(Program {
                name: target.name.clone(),
                executable,
            });
        }
    }
    Ok(programs)
}

impl Program {
    fn run(&self, servers: &Servers) -> Result<Done, String> {
        let mut command = Command::new(&self.executable);
        servers.tell_example(&mut command);
        announce(&command);
        let mut child = command
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| cannot_start(&command, &error))?;
        let deadline = Instant::now() + LIMIT;
        loop {
            if let Some(status) = child.try_wait().map_err(|error| error.to_string())? {
                return success(&command, status).map(|()| Done::Ran(String::new()));
            }
            if Instant::now() >= deadline {
                child.kill().map_err(|error| error.to_string())?;
                child.wait().map_err(|error| error.to_string())?;
                return Err(format!("still running after {} s", LIMIT.as_secs()));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}
