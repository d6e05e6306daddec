//! Child processes: as another user where the server refuses to run as root, ended with their
//! parent, stopped by their id.

use std::{
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

/// How long a server may take to start or to stop.
const LIMIT: Duration = Duration::from_secs(60);

/// Who runs the servers when we are root.
const USER: &str = "postgres";

/// Whether this process may install packages and become another user.
#[must_use]
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command, as [`USER`] when we are root. It ends when the thread that started it does, where `setpriv`
/// is there to see to that.
pub(crate) fn command(program: &Path) -> Command {
    let mut command = if is_root() {
        let user = [format!("--reuid={USER}"), format!("--regid={USER}")];
        let words = user.iter().map(String::as_str);
        watched(program, words.chain(["--clear-groups", "--pdeathsig=INT"]))
    } else {
        watched(program, ["--pdeathsig=INT"])
    };
    command.stdin(Stdio::null());
    command
}

/// A command as ourselves. It ends when the thread that started it does, where `setpriv` is there to
/// see to that.
pub(crate) fn bound(program: &Path) -> Command {
    watched(program, ["--pdeathsig=KILL"])
}

/// A command by `setpriv`, in a group of its own: the interrupt of a terminal is for whoever started it,
/// who stops it in good order. Without `setpriv` it is the plain command, in our group, so that an
/// interrupt leaves nothing behind.
fn watched<'a>(program: &Path, words: impl IntoIterator<Item = &'a str>) -> Command {
    let setpriv = path().into_iter().map(|folder| folder.join("setpriv"));
    match setpriv.into_iter().find(|path| path.exists()) {
        None => Command::new(program),
        Some(setpriv) => {
            let mut command = Command::new(setpriv);
            command.args(words).arg(program).process_group(0);
            command
        }
    }
}

/// Makes a folder that [`USER`] owns.
pub(crate) fn own(folder: &Path) -> Result<(), String> {
    if is_root() {
        run(Command::new("chown").arg(USER).arg(folder))?;
    }
    Ok(())
}

/// Runs to the end, quietly; with its output in the error.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let output = command
        .output()
        .map_err(|error| format!("{command:?} cannot be started: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        let said = String::from_utf8_lossy(&output.stderr);
        Err(format!("{command:?}: {}: {said}", output.status))
    }
}

/// The first of these programs that exists.
pub(crate) fn find(name: &str, folders: &[PathBuf], package: &str) -> Result<PathBuf, String> {
    folders
        .iter()
        .map(|folder| folder.join(name))
        .find(|path| path.exists())
        .ok_or_else(|| format!("{name} is not installed: `apt-get install {package}`, or the like"))
}

/// The folders of `PATH`, and `/usr/sbin`, where Debian puts servers.
pub(crate) fn path() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/sbin".into());
    folders
}

/// Waits until `ready` says so, or the child has ended.
pub(crate) fn wait_until(
    child: &mut Child,
    log: &Path,
    ready: impl Fn() -> bool,
) -> Result<(), String> {
    let deadline = Instant::now() + LIMIT;
    loop {
        if ready() {
            return Ok(());
        }
        let ended = child.try_wait().map_err(|error| error.to_string())?;
        if ended.is_some() || Instant::now() > deadline {
            let log = std::fs::read_to_string(log).unwrap_or_default();
            return Err(format!("the server does not start ({ended:?}): {log}"));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Sends a signal to the child.
pub(crate) fn signal(child: &Child, signal: Signal) -> Result<(), String> {
    let id = i32::try_from(child.id()).map_err(|error| error.to_string())?;
    let id = Pid::from_raw(id).ok_or("no process has the id 0")?;
    kill_process(id, signal).map_err(|error| error.to_string())
}

/// Stops the child where it is, and waits until it stands still: the signal alone only asks for it.
pub(crate) fn freeze(child: &Child) -> Result<(), String> {
    signal(child, Signal::STOP)?;
    let id = i32::try_from(child.id()).map_err(|error| error.to_string())?;
    let id = Pid::from_raw(id).ok_or("no process has the id 0")?;
    let until = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    waitid(WaitId::Pid(id), until).map_err(|error| error.to_string())?;
    Ok(())
}

/// Sends a signal and waits for the end; kills what does not end.
pub(crate) fn stop(child: &mut Child, with: Signal) -> Result<(), String> {
    if child.try_wait().ok().flatten().is_some() {
        return Ok(());
    }
    signal(child, with)?;
    let deadline = Instant::now() + LIMIT;
    while Instant::now() < deadline {
        if child
            .try_wait()
            .map_err(|error| error.to_string())?
            .is_some()
        {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.kill().map_err(|error| error.to_string())?;
    child.wait().map_err(|error| error.to_string())?;
    Ok(())
}
