use std::path::Path;

use signalbus_servers::{Durability, Kafka, Postgres, Redis, Service};

use crate::{
    files::{Files, shipped},
    places::Places,
};

/// Everything that runs. Fields are dropped in their order: who needs another one ends before it.
pub(crate) struct Topology {
    services: Vec<(&'static str, Service)>,
    missing: Vec<(&'static str, String)>,
    _kafka: Kafka,
    _redis: Redis,
    _postgres: Postgres,
}

/// Where Grafana is installed by its own packages.
const GRAFANA_HOME: &str = "/usr/share/grafana";

impl Topology {
    /// Starts all of it; nothing is waited for but the servers.
    ///
    /// # Errors
    /// When something is not installed, or does not start.
    pub(crate) fn start(
        programs: &Path,
        python: &str,
        files: &Files,
        places: &Places,
    ) -> Result<Self, String> {
        files.configure(places)?;
        let postgres = Postgres::start(Durability::NoFsync, &[])?;
        let redis = Redis::start()?;
        let kafka = Kafka::start(1)?;
        let mut topology = Self {
            services: Vec::new(),
            missing: Vec::new(),
            _kafka: kafka,
            _redis: redis,
            _postgres: postgres,
        };
        topology.catch_mails(python, files, places)?;
        topology.start_programs(programs, files, places)?;
        topology.start_watchers(files, places)?;
        Ok(topology)
    }

    /// Into a folder, by the server that ships with aiosmtpd.
    fn catch_mails(&mut self, python: &str, files: &Files, places: &Places) -> Result<(), String> {
        let log = files.log("mail-catcher");
        let listen = format!("127.0.0.1:{}", places.mail);
        let program = format!("{python}, a Python with aiosmtpd");
        let service = Service::start(python, &program, &log, |command| {
            command
                .args(["-m", "aiosmtpd", "--nosetuid", "--listen", &listen])
                .args(["--class", "aiosmtpd.handlers.Mailbox"])
                .arg(files.folder("mails"));
        })?;
        self.services.push(("mail-catcher", service));
        Ok(())
    }

    /// The three of `examples/servers`, with the settings that `compose.yaml` gives them.
    fn start_programs(
        &mut self,
        programs: &Path,
        files: &Files,
        places: &Places,
    ) -> Result<(), String> {
        let kafka = format!(
            "kafka://{}?partitions=4&replication=1",
            self._kafka.addresses()
        );
        let database = self._postgres.url();
        let smtp = format!("smtp://127.0.0.1:{}?tls=none", places.mail);
        let worker = |more: &[(&'static str, String)]| {
            let mut all = vec![("SIGNALBUS_DATABASE_URL", database.clone())];
            all.extend(more.iter().cloned());
            all
        };
        let all = [
            (
                "notification-api",
                places.api,
                vec![("SIGNALBUS_API_KEY", files.key().to_owned())],
            ),
            (
                "email-worker",
                places.email,
                worker(&[("SIGNALBUS_SMTP_URL", smtp)]),
            ),
            ("sms-worker", places.sms, worker(&[])),
        ];
        for (name, port, settings) in all {
            let program = programs.join(name);
            if !program.exists() {
                return Err(format!(
                    "{} is not built: cargo build -p signalbus-examples --features servers --examples",
                    program.display()
                ));
            }
            let program = program.to_string_lossy();
            let service = Service::start(&program, name, &files.log(name), |command| {
                // What is set for others is not for it.
                let ours = |name: &str| name.starts_with("SIGNALBUS_");
                for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
                    command.env_remove(name);
                }
                command
                    .env("SIGNALBUS_LISTEN", format!("127.0.0.1:{port}"))
                    .env("SIGNALBUS_LOG", "info")
                    .env("SIGNALBUS_KAFKA_URL", &kafka)
                    .envs(settings);
            })?;
            self.services.push((name, service));
        }
        Ok(())
    }

    fn start_watchers(&mut self, files: &Files, places: &Places) -> Result<(), String> {
        let on = |port: u16| format!("--web.listen-address=127.0.0.1:{port}");
        let mut start =
            |name: &'static str, package: &str, words: Vec<String>, env: &[(&str, String)]| {
                let service = Service::start(package, package, &files.log(name), |command| {
                    command.args(words).envs(env.iter().cloned());
                })?;
                self.services.push((name, service));
                Ok::<(), String>(())
            };
        let database = self._postgres.url();
        let mark = if database.contains('?') { '&' } else { '?' };
        let queries = shipped("postgres-exporter/queries.yml");
        start(
            "postgres-exporter",
            "prometheus-postgres-exporter",
            vec![
                on(places.postgres_exporter),
                format!("--extend.query-path={}", queries.display()),
            ],
            &[(
                "DATA_SOURCE_NAME",
                format!("{database}{mark}sslmode=disable"),
            )],
        )?;
        start(
            "redis-exporter",
            "prometheus-redis-exporter",
            vec![
                on(places.redis_exporter),
                format!("--redis.addr={}", self._redis.url()),
            ],
            &[],
        )?;
        let config = |name: &str| format!("--config.file={}", files.folder(name).display());
        start(
            "alertmanager",
            "prometheus-alertmanager",
            vec![
                config("alertmanager.yml"),
                format!("--storage.path={}", files.folder("alertmanager").display()),
                "--cluster.listen-address=".to_owned(),
                on(places.alertmanager),
            ],
            &[],
        )?;
        start(
            "prometheus",
            "prometheus",
            vec![
                config("prometheus.yml"),
                format!(
                    "--storage.tsdb.path={}",
                    files.folder("prometheus").display()
                ),
                on(places.prometheus),
            ],
            &[],
        )?;
        self.start_grafana(files, places)
    }

    /// Where it is installed: no registry of packages has it, so that it is not asked for.
    fn start_grafana(&mut self, files: &Files, places: &Places) -> Result<(), String> {
        files.configure_grafana(places)?;
        let set = [
            ("GF_SERVER_HTTP_ADDR", "127.0.0.1".to_owned()),
            ("GF_SERVER_HTTP_PORT", places.grafana.to_string()),
            ("GF_AUTH_ANONYMOUS_ENABLED", "true".to_owned()),
            ("GF_ANALYTICS_REPORTING_ENABLED", "false".to_owned()),
            (
                "GF_PATHS_DATA",
                files.folder("grafana/data").to_string_lossy().into_owned(),
            ),
            (
                "GF_PATHS_PROVISIONING",
                files
                    .folder("grafana/provisioning")
                    .to_string_lossy()
                    .into_owned(),
            ),
        ];
        let started = Service::start(
            "grafana-server",
            "grafana",
            &files.log("grafana"),
            |command| {
                command.args(["-homepath", GRAFANA_HOME]).envs(set);
            },
        );
        match started {
            Ok(service) => self.services.push(("grafana", service)),
            Err(why) => self.missing.push(("grafana", why)),
        }
        Ok(())
    }

    /// What could be left out, and was.
    pub(crate) fn missing(&self) -> &[(&'static str, String)] {
        &self.missing
    }

    /// A process that has ended, which none should.
    pub(crate) fn ended(&mut self) -> Option<&'static str> {
        let mut services = self.services.iter_mut();
        services.find_map(|(name, service)| service.has_ended().then_some(*name))
    }
}

impl Drop for Topology {
    fn drop(&mut self) {
        // The last that was started is the first that ends.
        while let Some(last) = self.services.pop() {
            drop(last);
        }
    }
}
