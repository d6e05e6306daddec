//! A notification server: the API over HTTP and the workers that send, in one process, over an SQLite
//! file in a folder or a Postgres database.
//!
//! ```console
//! $ cargo run --example notification-server --features notification-server -- --listen 127.0.0.1:8080
//! $ curl -H "Authorization: Bearer $(cat notification-data/admin.key)" \
//!        -H 'Content-Type: application/json' -H 'Idempotency-Key: "welcome-ada"' \
//!        -d '{"topic": "auth.code", "to": [{"addresses": {"sms": "+447700900123"}}],
//!             "data": {"code": "123456", "minutes": 10}}' \
//!        http://127.0.0.1:8080/v1/events
//! ```
//!
//! The first key, which may do everything for every tenant, is in `admin.key` in the folder, for its
//! owner's eyes only. Make others with `POST /v1/keys`, and then revoke that one. `/docs` is a page to
//! read the document with, `/healthz` and `/readyz` are for whoever watches over it. Several of them may
//! run on one Postgres database; give them the same `pepper` file, and `master.key` where they keep accounts of tenants, and `--redis-url` where they keep one limit together.
//!
//! Mails go into the folder `mails`, text messages to the standard output: put your own providers in
//! `engine.rs`. With `--accounts own` the mails of a tenant that has put an SMTP account there (`PUT /v1/accounts/{name}`) go
//! out through that. Without `--listen` it takes one event from itself, shows what became of it, and ends.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to its user"
)]

mod accounts;
mod args;
mod engine;
mod limits;
mod run;
mod secrets;
mod show;
mod store;

use std::{error::Error, process::ExitCode};

use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                text = format!("{text}: {cause}");
                source = cause.source();
            }
            eprintln!("notification-server: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn serve() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::INFO)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
        .init();
    let args = args::Args::parse();
    match args.listen {
        Some(address) if args.health => Ok(signalbus_examples::health::ask(address)?),
        Some(address) => run::run(&args, address).await,
        None => show::show(&args).await,
    }
}
