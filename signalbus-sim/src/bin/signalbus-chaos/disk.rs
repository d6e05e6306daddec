//! A disk that is too small: a file system in memory, in a namespace of the hunter and its hosts, which somebody
//! else fills now and then.

use std::{
    error::Error,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

/// Says to a hunter that it is in its namespace.
const INSIDE: &str = "SIGNALBUS_CHAOS_INSIDE";

/// Enough for the database and its log, and soon full.
const SIZE: &str = "size=96m";

/// Where the disk of a hunt is.
pub(crate) fn of(directory: &Path) -> PathBuf {
    directory.join("disk")
}

/// Runs this program with the same arguments in a namespace of its own; none when it is there already.
pub(crate) fn enter() -> Result<Option<ExitStatus>, Box<dyn Error>> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(None);
    }
    let status = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount"])
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "yes")
        .status()
        .map_err(|error| {
            format!("`unshare` of util-linux is needed for a disk of its own: {error}")
        })?;
    Ok(Some(status))
}

/// Makes the disk.
pub(crate) fn make(directory: &Path) -> Result<(), Box<dyn Error>> {
    let disk = of(directory);
    fs::create_dir(&disk)?;
    let made = Command::new("mount")
        .args(["-t", "tmpfs", "-o", SIZE, "disk"])
        .arg(&disk)
        .status()?;
    if made.success() {
        Ok(())
    } else {
        Err(format!("a disk of its own cannot be mounted: {made}").into())
    }
}

/// Enough for a server and its log.
const SERVER_SIZE: &str = "size=400m,mode=755";

/// Runs this program in a namespace of its own as the user that it is: a server refuses to be root, and another user
/// than ours is not known there.
pub(crate) fn enter_as_ourselves() -> Result<Option<ExitStatus>, Box<dyn Error>> {
    if std::env::var_os(INSIDE).is_some() {
        return Ok(None);
    }
    let mut command = Command::new("unshare");
    if signalbus_servers::is_root() {
        command.arg("--mount");
    } else {
        command.args(["--user", "--map-current-user", "--keep-caps", "--mount"]);
    }
    let status = command
        .arg(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(INSIDE, "yes")
        .status()
        .map_err(|error| {
            format!("`unshare` of util-linux is needed for a disk of its own: {error}")
        })?;
    Ok(Some(status))
}

/// Makes this folder a disk for a server.
pub(crate) fn make_for_server(folder: &Path) -> Result<(), Box<dyn Error>> {
    let made = Command::new("mount")
        .args(["-t", "tmpfs", "-o", SERVER_SIZE, "disk"])
        .arg(folder)
        .status()?;
    if made.success() {
        Ok(())
    } else {
        Err(format!("a disk of its own cannot be mounted: {made}").into())
    }
}

/// All that was left of the disk, until it is dropped.
pub(crate) struct Full(PathBuf);

impl Full {
    /// Fills the disk, if this hunt has one.
    pub(crate) fn fill(directory: &Path) -> Option<Self> {
        let disk = of(directory);
        if !disk.exists() {
            return None;
        }
        let full = Self(disk.join("ballast"));
        let mut file = File::create(&full.0).ok()?;
        let block = vec![0; 64 * 1024];
        let mut size = block.len();
        // In ever smaller pieces, to the last byte.
        while size > 0 {
            if file.write_all(&block[..size]).is_err() {
                size /= 2;
            }
        }
        Some(full)
    }
}

impl Drop for Full {
    fn drop(&mut self) {
        // Without it the next host cannot begin, and says so.
        let _ = fs::remove_file(&self.0);
    }
}
