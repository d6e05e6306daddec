//! A private Redis server.

use std::{
    fs::File,
    net::TcpStream,
    process::{Child, Stdio},
};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::{port, process};

/// A server that appends what it is told to a file, once a second to the disk. Stopped when dropped.
#[derive(Debug)]
pub struct Redis {
    folder: TempDir,
    port: u16,
    child: Option<Child>,
}

impl Redis {
    /// Starts one.
    ///
    /// # Errors
    /// When Redis is not installed, or does not start.
    pub fn start() -> Result<Self, String> {
        let folder = tempfile::Builder::new()
            .prefix("signalbus-redis-")
            .tempdir()
            .map_err(|error| error.to_string())?;
        process::own(folder.path())?;
        let mut server = Self {
            folder,
            port: port::free()?,
            child: None,
        };
        server.resume()?;
        Ok(server)
    }

    /// Starts the server again after [`Redis::kill`], on the same port and data.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&mut self) -> Result<(), String> {
        let log = self.folder.path().join("log");
        let output = File::create(&log).map_err(|error| error.to_string())?;
        let program = process::find("redis-server", &process::path(), "redis-server")?;
        let mut child = process::command(&program)
            .current_dir(self.folder.path())
            .args(["--bind", "127.0.0.1", "--port", &self.port.to_string()])
            .args(["--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", "everysec"])
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

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

impl Drop for Redis {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = self.kill();
    }
}
