//! `cargo xtask up`: the whole system as plain processes, until Ctrl-C. Installs what is missing, builds
//! the programs, and becomes `signalbus-up` of `deploy`, which starts them.

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::metadata::Metadata;
use crate::process::{announce, cannot_start, cargo, run as run_command};
use crate::servers::{AIOSMTPD, mail_checkers, programs, watchers};

pub(crate) fn run() -> Result<(), String> {
    programs()?;
    watchers()?;
    let pythons = mail_checkers()?;
    let mut command = cargo([
        "build",
        "--package",
        "signalbus-examples",
        "--features=servers",
    ]);
    for name in ["notification-api", "email-worker", "sms-worker"] {
        command.args(["--example", name]);
    }
    run_command(command)?;
    run_command(cargo([
        "build",
        "--package",
        "signalbus-deploy",
        "--bin",
        "signalbus-up",
    ]))?;
    let target = Metadata::target()?;
    let mut command = Command::new(target.join("debug/signalbus-up"));
    command
        .arg("--programs")
        .arg(target.join("debug/examples"))
        .arg("--folder")
        .arg(target.join("up"))
        .envs(pythons.into_iter().filter(|(name, _)| *name == AIOSMTPD));
    announce(&command);
    // In our place, so that Ctrl-C is for it and the prompt comes back when all has ended.
    let error = command.exec();
    Err(cannot_start(&command, &error))
}
