use std::{
    fs::File,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;

use super::settings::{PASSWORD, Ports, USER, properties};
use crate::process;

/// The same for every cluster: brokers with different ones refuse each other.
const CLUSTER: &str = "MkU3OEVBNTcwNTJENDM2Qg";

/// One broker, which is a controller as well.
#[derive(Debug)]
pub(super) struct Broker {
    java: PathBuf,
    jars: PathBuf,
    folder: PathBuf,
    ports: Ports,
    many: bool,
    child: Option<Child>,
}

impl Broker {
    /// Writes its settings and formats its disk.
    pub(super) fn make(
        java: &Path,
        jars: &Path,
        cluster: &Path,
        ports: &[Ports],
        id: usize,
    ) -> Result<Self, String> {
        let folder = cluster.join(format!("broker-{id}"));
        std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
        let settings = properties(&folder, &cluster.join("keys"), ports, id);
        std::fs::write(folder.join("properties"), settings).map_err(|error| error.to_string())?;
        let broker = Self {
            java: java.to_owned(),
            jars: jars.to_owned(),
            folder,
            ports: ports[id - 1],
            many: ports.len() > 1,
            child: None,
        };
        let mut format = Command::new(&broker.java);
        format
            .current_dir(&broker.folder)
            .args(["-Xmx128m", "-XX:TieredStopAtLevel=1", "-cp"])
            .arg(broker.jars.join("*"))
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER])
            .args(["-c", "properties"]);
        for mechanism in ["SCRAM-SHA-256", "SCRAM-SHA-512"] {
            let user = format!("{mechanism}=[name={USER},password={PASSWORD}]");
            format.args(["--add-scram", &user]);
        }
        process::run(&mut format)?;
        Ok(broker)
    }

    pub(super) fn ports(&self) -> &Ports {
        &self.ports
    }

    /// Starts it without waiting.
    pub(super) fn spawn(&mut self) -> Result<(), String> {
        if self.child.is_some() {
            return Err("the broker runs already".to_owned());
        }
        let output = File::options().create(true).append(true).open(self.log());
        let output = output.map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let heap = if self.many { "-Xmx384m" } else { "-Xmx512m" };
        let child = process::bound(&self.java)
            .current_dir(&self.folder)
            .args(["-Xms128m", heap, "-XX:+UseSerialGC"])
            .arg("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn")
            .arg("-cp")
            .arg(self.jars.join("*"))
            .args(["kafka.Kafka", "properties"])
            .stdin(Stdio::null())
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors))
            .spawn()
            .map_err(|error| format!("java cannot be started: {error}"))?;
        self.child = Some(child);
        Ok(())
    }

    /// Waits until it takes connections.
    pub(super) fn wait(&mut self) -> Result<(), String> {
        let log = self.log();
        let ports = [self.ports.plain, self.ports.sasl, self.ports.sasl_tls];
        let child = self.child.as_mut().ok_or("the broker does not run")?;
        process::wait_until(child, &log, || {
            // They are opened one after the other.
            let open = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
            ports.into_iter().all(open)
        })
    }

    pub(super) fn kill(&mut self) -> Result<(), String> {
        match self.child.take() {
            Some(mut child) => process::stop(&mut child, Signal::KILL),
            None => Ok(()),
        }
    }

    pub(super) fn runs(&self) -> bool {
        self.child.is_some()
    }

    pub(super) fn freeze(&mut self) -> Result<(), String> {
        let child = self.child.as_ref().ok_or("the broker does not run")?;
        process::freeze(child)
    }

    pub(super) fn thaw(&mut self) -> Result<(), String> {
        let child = self.child.as_ref().ok_or("the broker does not run")?;
        process::signal(child, Signal::CONT)
    }

    fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // Nobody is left to tell, and its data go away.
        let _ = self.kill();
    }
}
