//! The servers that tests share: started before them, stopped after them by process id.
//!
//! In this order of preference: the environment variable with the address, if set; else installed
//! programs, started privately; else, for root on Debian, `apt-get install` and then the same; else
//! an error that says what to install. No test is skipped because its server is missing.

use std::path::Path;
use std::process::Command;

use signalbus_servers::{Durability, PGBOUNCER_URL, POSTGRES_URL, PgBouncer, Postgres};

use crate::process::run;
use crate::report::{Done, Report};

/// Servers that run, and the variables that say where.
#[derive(Default)]
pub(crate) struct Servers {
    variables: Vec<(&'static str, String)>,
    // Before the server behind it.
    _pgbouncer: Option<PgBouncer>,
    _postgres: Option<Postgres>,
}

impl Servers {
    /// Starts what is not in the environment. Tests fail, and say why, where it did not start.
    pub(crate) fn start(report: &mut Report) -> Self {
        let mut servers = Self::default();
        report.step("servers", || {
            servers = Self::bring_up()?;
            Ok(Done::Ran(format!("{} started", servers.variables.len())))
        });
        servers
    }

    fn bring_up() -> Result<Self, String> {
        let set = |variable| std::env::var_os(variable).is_some();
        if set(POSTGRES_URL) && set(PGBOUNCER_URL) {
            return Ok(Self::default());
        }
        let postgres = Postgres::start(Durability::NoFsync, &[]).or_else(|missing| {
            install(&["postgresql"], missing)?;
            Postgres::start(Durability::NoFsync, &[])
        })?;
        let pgbouncer = PgBouncer::start(&postgres).or_else(|missing| {
            install(&["pgbouncer"], missing)?;
            PgBouncer::start(&postgres)
        })?;
        Ok(Self {
            variables: vec![
                (POSTGRES_URL, postgres.url()),
                (PGBOUNCER_URL, pgbouncer.url()),
            ],
            _pgbouncer: Some(pgbouncer),
            _postgres: Some(postgres),
        })
    }

    /// Tells an example where the database is that it may use.
    pub(crate) fn tell_example(&self, command: &mut Command) {
        let postgres = self
            .variables
            .iter()
            .find(|(name, _)| *name == POSTGRES_URL);
        let url = postgres
            .map(|(_, url)| url.clone())
            .or_else(|| std::env::var(POSTGRES_URL).ok());
        command.envs(url.map(|url| ("DATABASE_URL", url)));
    }

    /// Tells a command where the servers are.
    pub(crate) fn tell(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

/// Installs packages where that is ours to do; else gives back what was missing.
fn install(packages: &[&str], missing: String) -> Result<(), String> {
    let may = missing.contains("is not installed")
        && signalbus_servers::is_root()
        && Path::new("/usr/bin/apt-get").exists();
    if !may {
        return Err(missing);
    }
    let mut command = Command::new("apt-get");
    command
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // The package starts no server of its own.
        .env("RUNLEVEL", "1");
    run(command)
}
