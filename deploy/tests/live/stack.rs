//! The servers, each a process of its own in a folder of its own, stopped by process id.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{Json, Router, routing::post};
use serde_json::{Value, json};
use signalbus_servers::POSTGRES_URL;
use tempfile::TempDir;

use crate::fanout::Fanout;

/// A process that is killed when it is dropped.
struct Process(Child);

impl Process {
    fn start(program: &str, package: &str, arguments: &[String], folder: &Path) -> Self {
        let log = fs::File::create(folder.join(format!("{program}.log"))).unwrap();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        Self(child.unwrap_or_else(|error| {
            panic!("{program}: {error}: this test needs it: install the package {package}")
        }))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

type Arrived = Arc<Mutex<Vec<Value>>>;

/// Everything that runs.
pub(crate) struct Stack {
    engine: Option<Process>,
    fanout: Option<Fanout>,
    traffic: Option<tokio::task::JoinHandle<()>>,
    engine_port: u16,
    prometheus_port: u16,
    database: String,
    arrived: Arrived,
    _servers: Vec<Process>,
    folder: TempDir,
}

/// Two ports are never the same: each listener lives until all are taken.
fn ports<const N: usize>() -> [u16; N] {
    let listeners = [(); N].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = listeners
        .each_ref()
        .map(|listener| listener.local_addr().unwrap().port());
    drop(listeners);
    ports
}

fn shipped(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

impl Stack {
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        let [
            engine,
            prometheus,
            manager,
            postgres_exporter,
            redis,
            redis_exporter,
            pager,
        ] = ports();
        let database = signalbus_servers::url(POSTGRES_URL).unwrap();
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let on = |port: u16| format!("--web.listen-address=127.0.0.1:{port}");

        // Few requests may come, so that some are turned away.
        let settings = [("SIGNALBUS_API_RATE", "60")];
        let load = env!("CARGO_BIN_EXE_signalbus-load");
        let fanout = Fanout::start(load, at, &settings).await;
        configure(
            at,
            &[engine, fanout.ports[0], fanout.ports[1], fanout.ports[2]],
            manager,
            postgres_exporter,
            redis_exporter,
            pager,
        );
        let arrived = pager_on(pager).await;
        let mut servers = Vec::new();
        let redis_words = words(&[
            "--port",
            &redis.to_string(),
            "--save",
            "",
            "--maxmemory",
            "64mb",
        ]);
        servers.push(Process::start(
            "redis-server",
            "redis-server",
            &redis_words,
            at,
        ));
        let address = format!("--redis.addr=redis://127.0.0.1:{redis}");
        let exporter = "prometheus-redis-exporter";
        servers.push(Process::start(
            exporter,
            exporter,
            &[on(redis_exporter), address],
            at,
        ));
        servers.push(postgres_exporter_on(postgres_exporter, &database, at));
        let flags = [
            "--config.file=alertmanager.yml".to_owned(),
            "--storage.path=alertmanager-data".to_owned(),
            "--cluster.listen-address=".to_owned(),
            on(manager),
        ];
        let name = "prometheus-alertmanager";
        servers.push(Process::start(name, name, &flags, at));
        let flags = [
            "--config.file=prometheus.yml".to_owned(),
            "--storage.tsdb.path=data".to_owned(),
            on(prometheus),
        ];
        let mut stack = Self {
            engine: None,
            traffic: Some(tokio::spawn(publish(
                fanout.client.clone(),
                fanout.ports[0],
            ))),
            fanout: Some(fanout),
            engine_port: engine,
            prometheus_port: prometheus,
            database,
            arrived,
            _servers: servers,
            folder,
        };
        stack.start_the_engine();
        let server = Process::start("prometheus", "prometheus", &flags, stack.folder.path());
        stack._servers.push(server);
        stack
    }

    pub(crate) fn prometheus_url(&self) -> String {
        format!("http://127.0.0.1:{}", self.prometheus_port)
    }

    /// The example program, as a process of its own; ready when it says where it listens.
    pub(crate) fn start_the_engine(&mut self) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_signalbus-load"))
            .args(["--listen", &format!("127.0.0.1:{}", self.engine_port)])
            .args(["--store", &self.database, "--rate", "60"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        assert!(line.starts_with("http://"), "{line:?}");
        self.engine = Some(Process(child));
    }

    /// What the three servers tell now.
    pub(crate) async fn pages(&self) -> Vec<String> {
        let fanout = self.fanout.as_ref().unwrap();
        let mut pages = Vec::new();
        for port in fanout.ports {
            let url = format!("http://127.0.0.1:{port}/metrics");
            let page = fanout.client.get(url).send().await.unwrap();
            pages.push(page.text().await.unwrap());
        }
        pages
    }

    /// All of them, so that nobody is there to be scraped.
    pub(crate) fn stop_the_engine(&mut self) {
        self.engine = None;
        if let Some(traffic) = self.traffic.take() {
            traffic.abort();
        }
        self.fanout = None;
    }

    /// Waits until an alert has arrived at the pager.
    pub(crate) async fn alert(&self, name: &str, within: Duration) -> Value {
        self.wait_for(name, "firing", within).await
    }

    /// Waits until the pager was told that it is over.
    pub(crate) async fn resolved(&self, name: &str, within: Duration) -> Value {
        self.wait_for(name, "resolved", within).await
    }

    async fn wait_for(&self, name: &str, status: &str, within: Duration) -> Value {
        let started = std::time::Instant::now();
        while started.elapsed() < within {
            let found = self.arrived.lock().unwrap().iter().find_map(|page| {
                let alerts = page["alerts"].as_array()?.iter();
                let mut alerts = alerts.filter(|alert| alert["labels"]["alertname"] == name);
                alerts.find(|alert| alert["status"] == status).cloned()
            });
            if let Some(alert) = found {
                return alert;
            }
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        panic!(
            "{name} did not arrive as {status}; there were {:#?}",
            self.arrived.lock().unwrap()
        );
    }
}

/// Requests to the API: what it takes, what it does not, and more than may come.
async fn publish(client: reqwest::Client, port: u16) {
    let signup = json!({ "name": "Ada", "email": "ada@example.org", "phone": "+447700900123" });
    for number in 0_u64.. {
        let path = if number.is_multiple_of(7) {
            "/publish/nothing"
        } else {
            "/notify/signup"
        };
        let url = format!("http://127.0.0.1:{port}{path}");
        let request = client
            .post(url)
            .bearer_auth(crate::fanout::KEY)
            .json(&signup);
        // The metrics tell what came of it.
        drop(request.send().await);
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn postgres_exporter_on(port: u16, database: &str, at: &Path) -> Process {
    let program = "prometheus-postgres-exporter";
    let joint = if database.contains('?') { '&' } else { '?' };
    let log = fs::File::create(at.join("postgres-exporter.log")).unwrap();
    let child = Command::new(program)
        .arg(format!("--web.listen-address=127.0.0.1:{port}"))
        .arg("--extend.query-path")
        .arg(shipped("postgres-exporter/queries.yml"))
        .env(
            "DATA_SOURCE_NAME",
            format!("{database}{joint}sslmode=disable"),
        )
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn();
    Process(child.unwrap_or_else(|error| {
        panic!("{program}: {error}: this test needs it: install the package {program}")
    }))
}

/// The files that are shipped, with the addresses of this test, and faster: what takes minutes in
/// production takes seconds here.
fn configure(at: &Path, engines: &[u16], manager: u16, postgres: u16, redis: u16, pager: u16) {
    let read = |name: &str| fs::read_to_string(shipped(name)).unwrap();
    let swap = |text: String, old: &str, new: &str| {
        assert!(
            text.contains(old),
            "{old:?} is not in the file that is shipped"
        );
        text.replace(old, new)
    };
    let local = |port: u16| format!("127.0.0.1:{port}");
    let mut config = read("prometheus/prometheus.yml");
    config = swap(config, "interval: 15s", "interval: 1s");
    let programs = "'notification-api:8080', 'email-worker:8080', 'sms-worker:8080'";
    let targets: Vec<String> = engines
        .iter()
        .map(|port| format!("'{}'", local(*port)))
        .collect();
    config = swap(config, programs, &targets.join(", "));
    config = swap(config, "alertmanager:9093", &local(manager));
    config = swap(config, "postgres-exporter:9187", &local(postgres));
    config = swap(config, "redis-exporter:9121", &local(redis));
    fs::write(at.join("prometheus.yml"), config).unwrap();
    for entry in fs::read_dir(shipped("prometheus")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if name.ends_with(".rules.yml") {
            let rules = fs::read_to_string(&path).unwrap();
            let rules = rules.replace("interval: 1m", "interval: 1s");
            let rules = rules.replace("        for: 5m", "        for: 2s");
            fs::write(at.join(name), rules).unwrap();
        }
    }
    let mut routes = read("alertmanager/alertmanager.yml");
    routes = swap(routes, "group_wait: 30s", "group_wait: 1s");
    routes = swap(routes, "group_interval: 5m", "group_interval: 1s");
    routes = swap(routes, "pager:8080", &local(pager));
    routes = swap(routes, "tickets:8080", &local(pager));
    fs::write(at.join("alertmanager.yml"), routes).unwrap();
}

/// Keeps what Alertmanager says.
async fn pager_on(port: u16) -> Arrived {
    let arrived = Arrived::default();
    let keep = Arc::clone(&arrived);
    let take = async move |Json(page): Json<Value>| {
        keep.lock().unwrap().push(page);
    };
    let router = Router::new().route("/alerts", post(take));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port))
        .await
        .unwrap();
    tokio::spawn(axum::serve(listener, router).into_future());
    arrived
}
