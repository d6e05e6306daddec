//! Starts servers, runs a command with their addresses in the environment, and stops them:
//! `cargo run -p signalbus-servers -- cargo test -p signalbus-postgres`. A Kafka broker is started
//! when asked for: `cargo run -p signalbus-servers -- --kafka cargo test -p signalbus-kafka`.

#![expect(clippy::print_stderr, reason = "a program for the terminal")]

use std::process::{Command, ExitCode};

use signalbus_servers::{
    Durability, KAFKA, Kafka, PGBOUNCER_URL, POSTGRES_URL, PgBouncer, Postgres, REDIS_URL, Redis,
};

fn main() -> ExitCode {
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<bool, String> {
    let mut words = std::env::args_os().skip(1).peekable();
    let wants_kafka = words.next_if(|word| word == "--kafka").is_some();
    let program = words.next().ok_or("say which command needs the servers")?;
    let mut command = Command::new(program);
    command.args(words);
    let durability = match std::env::var("SIGNALBUS_TEST_FSYNC") {
        Ok(_) => Durability::Full,
        Err(_) => Durability::NoFsync,
    };
    let postgres = Postgres::start(durability, &[])?;
    command.env(POSTGRES_URL, postgres.url());
    let pgbouncer = PgBouncer::start(&postgres)?;
    command.env(PGBOUNCER_URL, pgbouncer.url());
    let redis = Redis::start()?;
    command.env(REDIS_URL, redis.url());
    let kafka = if wants_kafka && std::env::var_os(KAFKA).is_none() {
        Some(Kafka::start(1)?)
    } else {
        None
    };
    command.envs(kafka.as_ref().map(|kafka| (KAFKA, kafka.addresses())));
    let status = command.status().map_err(|error| error.to_string())?;
    Ok(status.success())
}
