//! Private Kafka brokers.

mod broker;
mod jars;
mod settings;
mod tools;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use self::{
    broker::Broker,
    settings::{PASSWORD, Ports, STORE_PASSWORD, USER},
};
use crate::{port, process};

/// One broker or more, each in a folder and on ports of its own, stopped when dropped.
///
/// Start them from a thread that lives longer than them: they end with that thread, so that a
/// killed test leaves none behind.
#[derive(Debug)]
pub struct Kafka {
    brokers: Vec<Broker>,
    jars: PathBuf,
    folder: TempDir,
}

impl Kafka {
    /// Who may sign in on the listeners with SASL, with `PLAIN`, `SCRAM-SHA-256`,
    /// `SCRAM-SHA-512`, and `OAUTHBEARER` with a token that needs no signature.
    pub const USER: &str = USER;
    /// The password of [`Kafka::USER`].
    pub const PASSWORD: &str = PASSWORD;

    /// Makes a cluster of so many brokers and starts it. The first time Maven downloads 54 MB into
    /// the folder where cargo builds. `SIGNALBUS_TEST_KAFKA_VERSION` names another version than the
    /// newest that is tested.
    ///
    /// # Errors
    /// When Java or Maven is not installed, or a broker does not start.
    pub fn start(brokers: usize) -> Result<Self, String> {
        let java = process::find("java", &process::path(), "default-jdk-headless maven")?;
        let jars = jars::folder()?;
        let folder = tempfile::Builder::new()
            .prefix("signalbus-kafka-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        make_keys(folder.path())?;
        let ports = (0..brokers)
            .map(|_| {
                Ok(Ports {
                    plain: port::free()?,
                    controller: port::free()?,
                    sasl: port::free()?,
                    sasl_tls: port::free()?,
                })
            })
            .collect::<Result<Vec<_>, String>>()?;
        let mut made = Self {
            brokers: Vec::new(),
            jars,
            folder,
        };
        for id in 1..=brokers {
            let broker = Broker::make(&java, &made.jars, made.folder.path(), &ports, id)?;
            made.brokers.push(broker);
        }
        // A controller waits for its peers: all are started before one is waited for.
        for broker in &mut made.brokers {
            broker.spawn()?;
        }
        for broker in &mut made.brokers {
            broker.wait()?;
        }
        Ok(made)
    }

    /// The addresses without security, `host:port` with commas between.
    #[must_use]
    pub fn addresses(&self) -> String {
        self.list("127.0.0.1", |ports| ports.plain)
    }

    /// The addresses that ask for a sign-in, in plain text.
    #[must_use]
    pub fn sasl(&self) -> String {
        self.list("127.0.0.1", |ports| ports.sasl)
    }

    /// The addresses that ask for a sign-in over TLS; the name in the certificate is `localhost`.
    #[must_use]
    pub fn sasl_tls(&self) -> String {
        self.list("localhost", |ports| ports.sasl_tls)
    }

    /// The certificate of the listeners with TLS, in PEM form; it signed itself.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn authority(&self) -> Result<String, String> {
        let file = self.folder.path().join("authority");
        std::fs::read_to_string(file).map_err(|error| error.to_string())
    }

    /// How many brokers there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.brokers.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.brokers.is_empty()
    }

    /// Kills a broker, counted from zero, as a crash would, and waits until it is gone.
    ///
    /// # Errors
    /// When it cannot be killed.
    pub fn kill(&mut self, broker: usize) -> Result<(), String> {
        self.broker(broker)?.kill()
    }

    /// Starts a broker again after [`Kafka::kill`], on the same ports and data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&mut self, broker: usize) -> Result<(), String> {
        let broker = self.broker(broker)?;
        broker.spawn()?;
        broker.wait()
    }

    /// The same for all that were killed, at once: one alone would wait for its peers.
    ///
    /// # Errors
    /// When one does not start.
    pub fn resume_all(&mut self) -> Result<(), String> {
        for broker in &mut self.brokers {
            if !broker.runs() {
                broker.spawn()?;
            }
        }
        self.brokers.iter_mut().try_for_each(Broker::wait)
    }

    /// Makes a broker hang: its connections stay, and nobody answers.
    ///
    /// # Errors
    /// When it does not run.
    pub fn freeze(&mut self, broker: usize) -> Result<(), String> {
        self.broker(broker)?.freeze()
    }

    /// Ends [`Kafka::freeze`].
    ///
    /// # Errors
    /// When it does not run.
    pub fn thaw(&mut self, broker: usize) -> Result<(), String> {
        self.broker(broker)?.thaw()
    }

    /// Runs a tool of Kafka, like `org.apache.kafka.tools.TopicCommand`, and answers what it
    /// printed.
    ///
    /// # Errors
    /// When it fails.
    pub fn tool(class: &str, words: &[&str]) -> Result<String, String> {
        tools::run(&jars::folder()?, class, words)
    }

    /// Compiles and runs a Java program of one file against the Java client.
    ///
    /// # Errors
    /// When it fails.
    pub fn java(file: &Path, words: &[&str]) -> Result<String, String> {
        let file = file.to_str().ok_or("a path is not UTF-8")?;
        tools::run(&jars::folder()?, file, words)
    }

    fn broker(&mut self, broker: usize) -> Result<&mut Broker, String> {
        let found = self.brokers.get_mut(broker);
        found.ok_or_else(|| format!("there is no broker {broker}"))
    }

    fn list(&self, host: &str, port: impl Fn(&Ports) -> u16) -> String {
        let all: Vec<String> = self
            .brokers
            .iter()
            .map(|broker| format!("{host}:{}", port(broker.ports())))
            .collect();
        all.join(",")
    }
}

/// A key store with a certificate for this machine, and the certificate in PEM form.
fn make_keys(folder: &Path) -> Result<(), String> {
    let keytool = process::find("keytool", &process::path(), "default-jdk-headless")?;
    for words in [
        "-genkeypair -alias broker -keyalg EC -groupname secp256r1 -dname CN=localhost -validity 2 -ext san=dns:localhost,ip:127.0.0.1",
        "-exportcert -alias broker -rfc -file authority",
    ] {
        let mut make = std::process::Command::new(&keytool);
        make.current_dir(folder)
            .args(words.split(' '))
            .args(["-keystore", "keys", "-storetype", "PKCS12"])
            .args(["-storepass", STORE_PASSWORD]);
        process::run(&mut make)?;
    }
    Ok(())
}
