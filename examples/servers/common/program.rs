#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks to its user"
)]

use std::{error::Error, net::SocketAddr, process::ExitCode};

use clap::Parser;

use super::{
    api,
    args::Args,
    configured::{Configured, Own},
    settings::{ALL, Kind, Problems, Reader, Sources, names},
    worker,
};

/// One of the three programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Publishes what it is asked to.
    Api,
    /// Sends mails.
    Email,
    /// Sends texts.
    Sms,
}

impl Program {
    /// What it is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Api => "notification-api",
            Self::Email => "email-worker",
            Self::Sms => "sms-worker",
        }
    }

    /// The program of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Api, Self::Email, Self::Sms];
        all.into_iter().find(|program| program.name() == name)
    }
}

/// Runs a program until it is told to stop, with the arguments of this process from the place
/// `skip` on.
pub fn main(program: Program, skip: usize) -> ExitCode {
    let args = Args::parse_from(std::env::args_os().skip(skip));
    match run(program, &args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", program.name());
            let mut source = error.source();
            while let Some(cause) = source {
                eprintln!("  because: {cause}");
                source = cause.source();
            }
            ExitCode::FAILURE
        }
    }
}

fn run(program: Program, args: &Args) -> Result<(), Box<dyn Error>> {
    let sources = Sources::new(std::env::vars(), args.config.as_deref()).map_err(Problems::from)?;
    if sources.is_empty() && !args.check && !args.health {
        show_all(program);
        return Ok(());
    }
    if args.health {
        return Ok(crate::health::ask(listens_on(&sources)?)?);
    }
    let configured = Configured::read(program, &sources)?;
    if args.check {
        for shown in &configured.shown {
            println!("{shown}");
        }
        return Ok(());
    }
    // Ended last: spans are made to the end.
    let _tracers = configured.telemetry.install(program.name())?;
    let runtime = tokio::runtime::Runtime::new()?;
    match configured.own {
        Own::Api(own) => runtime.block_on(api::serve_api(configured.common, own)),
        Own::Worker(own) => runtime.block_on(worker::work(program, configured.common, own)),
    }
}

/// Where it listens; nothing else has to be there or right.
fn listens_on(sources: &Sources) -> Result<SocketAddr, Problems> {
    let mut reader = Reader::new(sources);
    let address = reader.parsed(&names::LISTEN);
    reader.finish()?;
    address.ok_or(Problems(Vec::new()))
}

/// What can be set, for whoever starts it for the first time.
fn show_all(program: Program) {
    println!(
        "{} is told by the environment, or by the file of --config:\n",
        program.name()
    );
    for setting in ALL {
        let variable = setting.variable();
        match setting.kind {
            Kind::Default(default) => {
                println!("{variable:<24} {}; default: {default}", setting.what)
            }
            Kind::Secret { required: true } => println!(
                "{variable:<24} {}; needed, or {variable}_FILE",
                setting.what
            ),
            Kind::Secret { required: false } => {
                println!("{variable:<24} {}; may be in {variable}_FILE", setting.what)
            }
        }
    }
}
