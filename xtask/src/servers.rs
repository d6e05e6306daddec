//! The servers that tests share: started before them, stopped after them by process id.
//!
//! In this order of preference: the environment variable with the address, if set; else installed
//! programs, started privately; else, for root on Debian, `apt-get install` and then the same; else
//! an error that says what to install. No test is skipped because its server is missing.

use std::path::Path;
use std::process::Command;

use signalbus_servers::{
    Durability, KAFKA, Kafka, PGBOUNCER_URL, POSTGRES_URL, PgBouncer, Postgres, REDIS_URL, Redis,
};

use crate::metadata::Metadata;
use crate::process::{run, works};
use crate::report::{Done, Report};
use crate::schema;

/// Servers that run, and the variables that say where.
#[derive(Default)]
pub(crate) struct Servers {
    variables: Vec<(&'static str, String)>,
    _kafka: Option<Kafka>,
    _redis: Option<Redis>,
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
        let mut variables = mail_checkers()?;
        let kafka = kafka()?;
        variables.extend(kafka.as_ref().map(|kafka| (KAFKA, kafka.addresses())));
        let redis = redis()?;
        variables.extend(redis.as_ref().map(|redis| (REDIS_URL, redis.url())));
        watchers()?;
        variables.push((schema::VARIABLE, schema::program()?));
        if set(POSTGRES_URL) && set(PGBOUNCER_URL) {
            return Ok(Self {
                variables,
                _kafka: kafka,
                _redis: redis,
                ..Self::default()
            });
        }
        let postgres = Postgres::start(Durability::NoFsync, &[]).or_else(|missing| {
            install(&["postgresql"], missing)?;
            Postgres::start(Durability::NoFsync, &[])
        })?;
        let pgbouncer = PgBouncer::start(&postgres).or_else(|missing| {
            install(&["pgbouncer"], missing)?;
            PgBouncer::start(&postgres)
        })?;
        variables.extend([
            (POSTGRES_URL, postgres.url()),
            (PGBOUNCER_URL, pgbouncer.url()),
        ]);
        Ok(Self {
            variables,
            _kafka: kafka,
            _redis: redis,
            _pgbouncer: Some(pgbouncer),
            _postgres: Some(postgres),
        })
    }

    /// Tells an example where the database and the broker are that it may use.
    pub(crate) fn tell_example(&self, command: &mut Command) {
        let known = |name: &str| {
            let started = self.variables.iter().find(|(of, _)| *of == name);
            started
                .map(|(_, value)| value.clone())
                .or_else(|| std::env::var(name).ok())
        };
        command.envs(known(POSTGRES_URL).map(|url| ("DATABASE_URL", url)));
        command.envs(known(KAFKA).map(|brokers| (KAFKA, brokers)));
    }

    /// Tells a command where the servers are.
    pub(crate) fn tell(&self, command: &mut Command) {
        command.envs(self.variables.iter().map(|(name, value)| (name, value)));
    }
}

/// A broker, unless one is in the environment.
fn kafka() -> Result<Option<Kafka>, String> {
    if set(KAFKA) {
        return Ok(None);
    }
    let started = Kafka::start(1).or_else(|missing| {
        install(&["default-jdk-headless", "maven"], missing)?;
        Kafka::start(1)
    })?;
    Ok(Some(started))
}

/// A Redis server, unless one is in the environment.
fn redis() -> Result<Option<Redis>, String> {
    if set(REDIS_URL) {
        return Ok(None);
    }
    let started = Redis::start().or_else(|missing| {
        install(&["redis-server"], missing)?;
        Redis::start()
    })?;
    Ok(Some(started))
}

fn set(variable: &str) -> bool {
    std::env::var_os(variable).is_some()
}

/// A Python with `aiosmtpd`, and one with `dkimpy` and `pynacl`, as the tests of mail ask for them.
const PYTHONS: [&str; 2] = [AIOSMTPD, "SIGNALBUS_TEST_PYTHON"];

/// Names the Python with `aiosmtpd`.
pub(crate) const AIOSMTPD: &str = "SIGNALBUS_TEST_AIOSMTPD";

/// The mail programs that others wrote: Postfix, opendkim, and Python packages in an environment of
/// their own. The tests start them.
pub(crate) fn mail_checkers() -> Result<Vec<(&'static str, String)>, String> {
    for (variable, program, package) in [
        ("SIGNALBUS_TEST_POSTFIX", "/usr/sbin/postfix", "postfix"),
        ("SIGNALBUS_TEST_OPENDKIM", "/usr/sbin/opendkim", "opendkim"),
    ] {
        if !set(variable) && !Path::new(program).exists() {
            install(&[package], format!("{package} is not installed"))?;
        }
    }
    let missing: Vec<&'static str> = PYTHONS.into_iter().filter(|name| !set(name)).collect();
    if missing.is_empty() {
        return Ok(Vec::new());
    }
    let folder = Metadata::target()?.join("mail-checkers");
    let python = folder.join("bin/python");
    if !works(python_with(&python, "aiosmtpd, dkim, nacl")) {
        let venv = || {
            let mut command = Command::new("python3");
            command.args(["-m", "venv"]).arg(&folder);
            run(command)
        };
        venv().or_else(|error| {
            install(
                &["python3-venv"],
                format!("python3-venv is not installed: {error}"),
            )?;
            venv()
        })?;
        let mut command = Command::new(&python);
        command.args([
            "-m", "pip", "install", "--quiet", "aiosmtpd", "dkimpy", "pynacl",
        ]);
        run(command)?;
    }
    let python = python.to_string_lossy().into_owned();
    Ok(missing
        .into_iter()
        .map(|name| (name, python.clone()))
        .collect())
}

/// What watches a system, and a name server: the tests start them, from what is installed.
pub(crate) fn watchers() -> Result<(), String> {
    for (program, package) in [
        ("promtool", "prometheus"),
        ("amtool", "prometheus-alertmanager"),
        (
            "prometheus-postgres-exporter",
            "prometheus-postgres-exporter",
        ),
        ("prometheus-redis-exporter", "prometheus-redis-exporter"),
        ("redis-server", "redis-server"),
        ("dnsmasq", "dnsmasq-base"),
        ("docker-compose", "docker-compose"),
    ] {
        need(program, package)?;
    }
    Ok(())
}

/// What Kafka and Postgres are started from.
pub(crate) fn programs() -> Result<(), String> {
    need("java", "default-jdk-headless")?;
    need("mvn", "maven")?;
    if Path::new("/usr/lib/postgresql").exists() {
        return Ok(());
    }
    need("postgres", "postgresql")
}

fn need(program: &str, package: &str) -> Result<(), String> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let there = std::env::split_paths(&path)
        .chain(["/usr/sbin".into(), "/usr/local/sbin".into()])
        .any(|folder| folder.join(program).exists());
    if there {
        return Ok(());
    }
    install(&[package], format!("{package} is not installed"))
}

fn python_with(python: &Path, modules: &str) -> Command {
    let mut command = Command::new(python);
    command.arg("-c").arg(format!("import {modules}"));
    command
}

/// Installs packages where that is ours to do; else gives back what was missing.
pub(crate) fn install(packages: &[&str], missing: String) -> Result<(), String> {
    let may = missing.contains("is not installed")
        && signalbus_servers::is_root()
        && Path::new("/usr/bin/apt-get").exists();
    if !may {
        return Err(missing);
    }
    let mut update = Command::new("apt-get");
    update.args(["update", "--quiet"]);
    run(update)?;
    let mut command = Command::new("apt-get");
    command
        .args(["install", "-y", "--no-install-recommends"])
        .args(packages)
        .env("DEBIAN_FRONTEND", "noninteractive")
        // The package starts no server of its own.
        .env("RUNLEVEL", "1");
    run(command)
}
