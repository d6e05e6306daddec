//! `sms-worker`: stores what comes from Kafka, and sends the texts of it.
//!
//! Without settings it shows which there are; `--check` shows those in force.

use std::process::ExitCode;

use signalbus_examples::servers::{Program, main as run};

fn main() -> ExitCode {
    run(Program::Sms, 0)
}
