//! What the example `fanout` starts: `notification-api`, `email-worker` and `sms-worker`, each a process,
//! on the broker and the database that tests share.

#![allow(dead_code, reason = "each program of tests uses a part of it")]

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use reqwest::{Client, RequestBuilder};
use signalbus_servers::{KAFKA, POSTGRES_URL, Service};

/// What the API asks for.
pub(crate) const KEY: &str = "a-key-of-tests-that-is-no-secret";

const PROGRAMS: [&str; 3] = ["notification-api", "email-worker", "sms-worker"];

/// The three, until it is dropped.
pub(crate) struct Fanout {
    services: Vec<Service>,
    pub(crate) ports: [u16; 3],
    pub(crate) client: Client,
    run: String,
}

/// The folder of the examples, which are built before the tests.
fn programs(binary: &str) -> PathBuf {
    Path::new(binary).parent().unwrap().join("examples")
}

impl Fanout {
    /// Starts them beside `binary`, with these settings besides what they need; their logs are in
    /// `folder`. Call it on the thread of the test: they end with it.
    pub(crate) async fn start(binary: &str, folder: &Path, settings: &[(&str, &str)]) -> Self {
        drop(rustls::crypto::ring::default_provider().install_default());
        let run = format!("deploy_{}", std::process::id());
        let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let ports = listeners
            .each_ref()
            .map(|listener| listener.local_addr().unwrap().port());
        drop(listeners);
        let mut fanout = Self {
            services: Vec::new(),
            ports,
            client: Client::builder().no_proxy().build().unwrap(),
            run,
        };
        for (name, port) in PROGRAMS.into_iter().zip(ports) {
            let service = fanout.one(&programs(binary).join(name), name, port, folder, settings);
            fanout.services.push(service);
        }
        for (name, port) in PROGRAMS.into_iter().zip(ports) {
            fanout.wait(name, port, folder).await;
        }
        fanout
    }

    fn one(
        &self,
        program: &Path,
        name: &str,
        port: u16,
        folder: &Path,
        settings: &[(&str, &str)],
    ) -> Service {
        let hint = "cargo build -p signalbus-examples --features servers --examples";
        assert!(
            program.exists(),
            "{} is not built: {hint}",
            program.display()
        );
        let brokers = signalbus_servers::url(KAFKA).unwrap();
        let database = signalbus_servers::url(POSTGRES_URL).unwrap();
        let mark = if database.contains('?') { '&' } else { '?' };
        let log = folder.join(format!("{name}.log"));
        let started = Service::start(program.to_str().unwrap(), name, &log, |command| {
            let ours = |name: &str| name.starts_with("SIGNALBUS_");
            for (name, _) in std::env::vars().filter(|(name, _)| ours(name)) {
                command.env_remove(name);
            }
            let kafka = format!("kafka://{brokers}?partitions=2&replication=1&mirror_ms=200");
            command
                .env("SIGNALBUS_LISTEN", format!("127.0.0.1:{port}"))
                .env("SIGNALBUS_KAFKA_URL", kafka)
                .env("SIGNALBUS_SIGNUP_TOPIC", format!("{}.signup", self.run))
                .env("SIGNALBUS_NOTIFY_TOPIC", format!("{}.notify", self.run))
                .env("SIGNALBUS_TOPICS", format!("{}.dead", self.run));
            if name == "notification-api" {
                command.env("SIGNALBUS_API_KEY", KEY);
            } else {
                let database = format!("{database}{mark}schema={}", self.run);
                command
                    .env("SIGNALBUS_DATABASE_URL", database)
                    .env("SIGNALBUS_GROUP", &self.run);
            }
            command.envs(settings.iter().copied());
        });
        started.unwrap()
    }

    async fn wait(&self, name: &str, port: u16, folder: &Path) {
        for _ in 0..600 {
            let answer = self
                .client
                .get(format!("http://127.0.0.1:{port}/readyz"))
                .send();
            if answer
                .await
                .is_ok_and(|answer| answer.status().is_success())
            {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let log = fs::read_to_string(folder.join(format!("{name}.log"))).unwrap();
        panic!("{name} does not get ready:\n{log}");
    }

    /// A request to the API, with its key.
    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        let url = format!("http://127.0.0.1:{}{path}", self.ports[0]);
        self.client.post(url).bearer_auth(KEY)
    }

    /// All that they logged.
    pub(crate) fn logs(folder: &Path) -> Vec<(&'static str, String)> {
        let read = |name: &'static str| {
            let path = folder.join(format!("{name}.log"));
            (name, fs::read_to_string(path).unwrap())
        };
        PROGRAMS.into_iter().map(read).collect()
    }

    /// Tells them to stop, and waits until they have.
    pub(crate) fn stop(&mut self) {
        self.services.clear();
    }
}
