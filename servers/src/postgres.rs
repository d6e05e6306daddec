//! A private Postgres server.

use std::{
    fs::File,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{port, process};

/// Whether the server waits for the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// As in production.
    Full,
    /// Never: survives the death of every process, but not the loss of power. For tests.
    NoFsync,
}

/// How a server stops. See <https://www.postgresql.org/docs/15/server-shutdown.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Sessions are ended, their transactions rolled back.
    Fast,
    /// At once, as in a crash: the next start recovers from the log.
    Immediate,
}

/// A server in a folder of its own, stopped when dropped. Any password is right, and the user is
/// `signalbus`.
///
/// Start it from a thread that lives longer than it: the server ends with that thread, so that a
/// killed test leaves none behind.
#[derive(Debug)]
pub struct Postgres {
    folder: TempDir,
    port: u16,
    settings: Vec<String>,
    child: Option<Child>,
}

impl Postgres {
    /// Makes a database cluster and starts its server. `settings` are like `max_connections=50`.
    ///
    /// # Errors
    /// When Postgres is not installed, or does not start.
    pub fn start(durability: Durability, settings: &[&str]) -> Result<Self, String> {
        Self::start_in(&std::env::temp_dir(), durability, settings)
    }

    /// The same below this folder, such as a small disk: everybody must be able to enter it.
    ///
    /// # Errors
    /// When Postgres is not installed, or does not start.
    pub fn start_in(
        place: &Path,
        durability: Durability,
        settings: &[&str],
    ) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("signalbus-postgres-")
            .tempdir_in(place)
            .map_err(|error| error.to_string())?;
        let open = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(folder.path(), open).map_err(|error| error.to_string())?;
        process::own(folder.path())?;
        let mut init = process::command(&program("initdb")?);
        init.current_dir(folder.path())
            .arg("-D")
            .arg(folder.path().join("data"))
            .args(["-U", "signalbus", "-A", "trust", "-E", "UTF8", "-N"])
            .arg("--locale=C.UTF-8");
        process::run(&mut init)?;
        let port = port::free()?;
        let sockets = folder.path().display().to_string();
        let mut all = vec![
            format!("port={port}"),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={sockets}"),
            "max_connections=300".to_owned(),
        ];
        if durability == Durability::NoFsync {
            all.push("fsync=off".to_owned());
            all.push("full_page_writes=off".to_owned());
        }
        all.extend(settings.iter().map(|setting| (*setting).to_owned()));
        let mut server = Self {
            folder,
            port,
            settings: all,
            child: None,
        };
        server.resume()?;
        Ok(server)
    }

    /// The same with TLS: an authority of its own and a certificate for `localhost`, made by `openssl`.
    ///
    /// # Errors
    /// When Postgres or OpenSSL is not installed, or the server does not start.
    pub fn start_tls(durability: Durability) -> Result<Self, String> {
        let mut server = Self::start(durability, &[])?;
        server.stop(Stop::Fast)?;
        let folder = server.folder.path();
        let names = folder.join("names");
        std::fs::write(&names, "subjectAltName=DNS:localhost")
            .map_err(|error| error.to_string())?;
        for words in [
            "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout authority.key -out authority",
            "req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key -out request",
            "x509 -req -days 2 -in request -CA authority -CAkey authority.key -CAcreateserial -extfile names -out certificate",
        ] {
            let mut make = Command::new("openssl");
            make.current_dir(folder).args(words.split(' '));
            process::run(&mut make)?;
        }
        let (key, certificate) = (folder.join("key"), folder.join("certificate"));
        let secret = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&key, secret).map_err(|error| error.to_string())?;
        process::own(&key)?;
        server.settings.push("ssl=on".to_owned());
        server
            .settings
            .push(format!("ssl_key_file={}", key.display()));
        server
            .settings
            .push(format!("ssl_cert_file={}", certificate.display()));
        server.resume()?;
        Ok(server)
    }

    /// Where a program for clients of Postgres is, such as `pg_dump`. A folder that is named for the server may have none;
    /// then a newer one serves.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn tool(name: &str) -> Result<PathBuf, String> {
        program(name).or_else(|_| process::find(name, &installed(), "postgresql-client"))
    }

    /// Who signed the certificate of [`Postgres::start_tls`].
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("authority")
    }

    /// Starts the server again after [`Postgres::stop`], on the same port and data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&mut self) -> Result<(), String> {
        let log = self.log();
        let output = File::options().create(true).append(true).open(&log);
        let output = output.map_err(|error| error.to_string())?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let mut command = process::command(&program("postgres")?);
        command
            .current_dir(self.folder.path())
            .arg("-D")
            .arg(self.folder.path().join("data"));
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let mut child = command
            .stdout(Stdio::from(output))
            .stderr(Stdio::from(errors))
            .spawn()
            .map_err(|error| format!("postgres cannot be started: {error}"))?;
        let is_ready = program("pg_isready")?;
        let port = self.port.to_string();
        process::wait_until(&mut child, &log, || {
            Command::new(&is_ready)
                .args(["-q", "-h", "127.0.0.1", "-p", &port])
                .status()
                .is_ok_and(|status| status.success())
        })?;
        self.child = Some(child);
        Ok(())
    }

    /// Stops the server; [`Postgres::resume`] starts it again.
    ///
    /// # Errors
    /// When it cannot be stopped.
    pub fn stop(&mut self, how: Stop) -> Result<(), String> {
        let signal = match how {
            Stop::Fast => Signal::INT,
            Stop::Immediate => Signal::QUIT,
        };
        match self.child.take() {
            Some(mut child) => process::stop(&mut child, signal),
            None => Ok(()),
        }
    }

    /// Stops all processes of the server where they are, or lets them go on: as a machine that hangs. New sessions are not
    /// answered either.
    ///
    /// # Errors
    /// When a process cannot be told.
    pub fn freeze(&self, frozen: bool) -> Result<(), String> {
        let Some(child) = &self.child else {
            return Ok(());
        };
        let signal = if frozen { Signal::STOP } else { Signal::CONT };
        // The first makes the others, so it stands still first.
        process::signal(child, signal)?;
        let id = child.id();
        let children = std::fs::read_to_string(format!("/proc/{id}/task/{id}/children"));
        let children = children.map_err(|error| error.to_string())?;
        for child in children.split_whitespace() {
            let id = child.parse().ok().and_then(rustix::process::Pid::from_raw);
            // One that has ended meanwhile does nothing either.
            if let Some(id) = id {
                let _ = rustix::process::kill_process(id, signal);
            }
        }
        Ok(())
    }

    /// Whether the server has ended by itself, as on a full disk.
    #[must_use]
    pub fn has_ended(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_none_or(|child| child.try_wait().is_ok_and(|ended| ended.is_some()))
    }

    /// The URL of the database `postgres`, over TCP.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://signalbus@127.0.0.1:{}/postgres", self.port)
    }

    /// The file with what the server says.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// The folder of the Unix socket.
    #[must_use]
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// The port, over TCP.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.stop(Stop::Immediate);
    }
}

fn program(name: &str) -> Result<PathBuf, String> {
    process::find(name, &folders(), "postgresql")
}

/// The folder that is named; else those of [`installed`].
fn folders() -> Vec<PathBuf> {
    match std::env::var_os(crate::POSTGRES_BIN) {
        Some(named) => vec![PathBuf::from(named)],
        None => installed(),
    }
}

/// The newest version that Debian's packages installed, then the path.
fn installed() -> Vec<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter();
    let mut folders: Vec<(u32, PathBuf)> = versions
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    folders.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    let folders = folders.into_iter().map(|(_, folder)| folder);
    folders.chain(process::path()).collect()
}
