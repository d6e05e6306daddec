//! `notification-api`: publishes to Kafka what it is asked to, and answers when the brokers have it.
//!
//! Without settings it shows which there are; `--check` shows those in force.

use std::process::ExitCode;

use signalbus_examples::servers::{Program, main as run};

fn main() -> ExitCode {
    run(Program::Api, 0)
}
