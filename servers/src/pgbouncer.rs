//! A private PgBouncer in front of a Postgres server, in transaction mode.

use std::{
    fs::File,
    net::TcpStream,
    process::{Child, Stdio},
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{port, postgres::Postgres, process};

/// A pooler that gives each transaction any of a few sessions. Stopped when dropped.
#[derive(Debug)]
pub struct PgBouncer {
    _folder: TempDir,
    port: u16,
    child: Child,
}

impl PgBouncer {
    /// Starts one in front of `server`.
    ///
    /// # Errors
    /// When PgBouncer is not installed, or does not start.
    pub fn start(server: &Postgres) -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("signalbus-pgbouncer-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        let port = port::free()?;
        let settings = folder.path().join("pgbouncer.ini");
        std::fs::write(
            &settings,
            format!(
                "[databases]\n* = host=127.0.0.1 port={} user=signalbus\n\
                 [pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n\
                 auth_type = any\npool_mode = transaction\nmax_client_conn = 500\n\
                 default_pool_size = 4\nignore_startup_parameters = extra_float_digits\n",
                server.port()
            ),
        )
        .map_err(|error| error.to_string())?;
        process::own(folder.path())?;
        process::own(&settings)?;
        let log = folder.path().join("log");
        let output = File::create(&log).map_err(|error| error.to_string())?;
        let program = process::find("pgbouncer", &process::path(), "pgbouncer")?;
        let mut child = process::command(&program)
            .arg("-q")
            .arg(&settings)
            .stdout(Stdio::null())
            .stderr(Stdio::from(output))
            .spawn()
            .map_err(|error| format!("pgbouncer cannot be started: {error}"))?;
        process::wait_until(&mut child, &log, || {
            TcpStream::connect(("127.0.0.1", port)).is_ok()
        })?;
        Ok(Self {
            _folder: folder,
            port,
            child,
        })
    }

    /// The URL of the database `postgres` through it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://signalbus@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for PgBouncer {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = process::stop(&mut self.child, Signal::INT);
    }
}
