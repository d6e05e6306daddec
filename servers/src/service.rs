//! Any program as a private process.

use std::{
    fs::File,
    path::Path,
    process::{Child, Command, Stdio},
};

use rustix::process::Signal;

use crate::process;

/// A program that runs until it is told to stop: as ourselves, in a group of its own, so that the
/// interrupt of a terminal is not for it. Told to stop when dropped, and then waited for.
#[derive(Debug)]
pub struct Service {
    child: Child,
}

impl Service {
    /// Starts a program; what it says goes into the file `log`. Start it from a thread that lives
    /// longer than it: it ends with that thread.
    ///
    /// # Errors
    /// When the program is not installed, or the file cannot be made. Not when it ends at once.
    pub fn start(
        program: &str,
        package: &str,
        log: &Path,
        set: impl FnOnce(&mut Command),
    ) -> Result<Self, String> {
        let path = if program.contains('/') {
            program.into()
        } else {
            process::find(program, &process::path(), package)?
        };
        let output = File::create(log).map_err(|error| format!("{}: {error}", log.display()))?;
        let errors = output.try_clone().map_err(|error| error.to_string())?;
        let mut command = process::bound(&path);
        set(&mut command);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = command
            .spawn()
            .map_err(|error| format!("{program} cannot be started: {error}"))?;
        Ok(Self { child })
    }

    /// Whether it has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        // Nobody is left to tell.
        let _ = process::stop(&mut self.child, Signal::TERM);
    }
}
