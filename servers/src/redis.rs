//! Private Redis servers: alone, with a replica that a sentinel promotes, or as a cluster.

use std::{
    fs::{self, File},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{port, process};

/// A server that appends what it is told to a file, once a second to the disk. Stopped when dropped.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    scheme: &'static str,
    settings: Vec<String>,
    /// In place of the one that is installed.
    program: Option<PathBuf>,
    child: Option<Child>,
}

impl Redis {
    /// Starts one.
    ///
    /// # Errors
    /// When Redis is not installed, or does not start.
    pub fn start() -> Result<Self, String> {
        Self::with(&[], &[])
    }

    /// Starts one from this program, such as Valkey's.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn start_from(program: &Path) -> Result<Self, String> {
        let mut server = Self::prepare(&[], &[])?;
        server.program = Some(program.to_owned());
        server.resume()?;
        Ok(server)
    }

    /// Starts one that copies from another.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn replica_of(master: &Self) -> Result<Self, String> {
        Self::with(&["--replicaof", &format!("127.0.0.1 {}", master.port)], &[])
    }

    /// Starts one that speaks TLS only, with this certificate and its key as PEM.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn with_tls(certificate: &str, key: &str) -> Result<Self, String> {
        let mut server = Self::prepare(&[], &[("cert.pem", certificate), ("key.pem", key)])?;
        server.scheme = "rediss";
        server.resume()?;
        Ok(server)
    }

    /// Starts a sentinel that watches `master` by this name, and decides alone after half a second.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub fn sentinel(name: &str, master: &Self) -> Result<Self, String> {
        let rules = format!(
            "sentinel monitor {name} 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds {name} 500\n\
             sentinel failover-timeout {name} 3000\n",
            master.port
        );
        let mut server = Self::prepare(&[], &[("sentinel.conf", &rules)])?;
        server.settings = vec!["--sentinel".to_owned()];
        server.resume()?;
        Ok(server)
    }

    fn with(settings: &[&str], files: &[(&str, &str)]) -> Result<Self, String> {
        let mut server = Self::prepare(settings, files)?;
        server.resume()?;
        Ok(server)
    }

    fn prepare(settings: &[&str], files: &[(&str, &str)]) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("signalbus-redis-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        process::own(folder.path())?;
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::write(&path, text).map_err(|error| error.to_string())?;
            process::own(&path)?;
        }
        Ok(Self {
            folder,
            port: port::free()?,
            scheme: "redis",
            settings: settings.iter().map(|word| (*word).to_owned()).collect(),
            program: std::env::var_os(crate::REDIS_SERVER).map(PathBuf::from),
            child: None,
        })
    }

    /// Starts the server again after [`Redis::kill`], on the same port and data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&mut self) -> Result<(), String> {
        let log = self.folder.path().join("log");
        let output = File::create(&log).map_err(|error| error.to_string())?;
        let program = match &self.program {
            Some(other) => other.clone(),
            None => process::find("redis-server", &process::path(), "redis-server")?,
        };
        let mut command = process::command(&program);
        command.current_dir(self.folder.path());
        let port = self.port.to_string();
        if self.settings.iter().any(|word| word == "--sentinel") {
            command.arg("sentinel.conf");
        } else {
            command
                .args(["--save", "", "--appendonly", "yes"])
                .args(["--appendfsync", "everysec"]);
        }
        command.args(["--bind", "127.0.0.1"]);
        if self.scheme == "rediss" {
            command
                .args(["--port", "0", "--tls-port", &port])
                .args(["--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem"])
                .args(["--tls-ca-cert-file", "cert.pem", "--tls-auth-clients", "no"]);
        } else {
            command.args(["--port", &port]);
        }
        let mut child = command
            .args(&self.settings)
            .stdout(output)
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| format!("redis-server cannot be started: {error}"))?;
        process::wait_until(&mut child, &log, || {
            TcpStream::connect(("127.0.0.1", self.port)).is_ok()
        })?;
        self.child = Some(child);
        Ok(())
    }

    /// Kills it, as a crash of its process does.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self) -> Result<(), String> {
        match &mut self.child.take() {
            Some(child) => process::stop(child, Signal::KILL),
            None => Ok(()),
        }
    }

    /// Stops it from doing anything, connections included, until [`Redis::thaw`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&self) -> Result<(), String> {
        let child = self.child.as_ref().ok_or("it does not run")?;
        process::freeze(child)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// When it does not run.
    pub fn thaw(&self) -> Result<(), String> {
        let child = self.child.as_ref().ok_or("it does not run")?;
        process::signal(child, Signal::CONT)
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        let host = match self.scheme {
            // As certificates have it.
            "rediss" => "localhost",
            _ => "127.0.0.1",
        };
        format!("{}://{host}:{}", self.scheme, self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.kill();
    }
}

/// Three masters that share the slots. Stopped when dropped.
#[derive(Debug)]
pub struct RedisCluster(Vec<Redis>);

impl RedisCluster {
    /// Starts one; takes a few seconds.
    ///
    /// # Errors
    /// When Redis or `redis-cli` is not installed, or the cluster does not come to be.
    pub fn start() -> Result<Self, String> {
        let node = |_| Redis::with(&["--cluster-enabled", "yes"], &[]);
        let nodes: Vec<Redis> = (0..3).map(node).collect::<Result<_, _>>()?;
        let program = process::find("redis-cli", &process::path(), "redis-tools")?;
        let mut command = Command::new(&program);
        command.args(["--cluster", "create"]);
        command.args(nodes.iter().map(|node| format!("127.0.0.1:{}", node.port)));
        process::run(command.args(["--cluster-replicas", "0", "--cluster-yes"]))?;
        for node in &nodes {
            wait_for_slots(&program, node.port)?;
        }
        Ok(Self(nodes))
    }

    /// Where its nodes are.
    #[must_use]
    pub fn urls(&self) -> Vec<String> {
        self.0.iter().map(Redis::url).collect()
    }
}

/// Waits until a node knows who has each slot.
fn wait_for_slots(program: &Path, port: u16) -> Result<(), String> {
    for _ in 0..600 {
        let output = Command::new(program)
            .args(["-p", &port.to_string(), "cluster", "info"])
            .output()
            .map_err(|error| error.to_string())?;
        if String::from_utf8_lossy(&output.stdout).contains("cluster_state:ok") {
            return Ok(());
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    Err("the cluster does not come to be".to_owned())
}
