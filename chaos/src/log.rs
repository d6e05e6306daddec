//! The publishers' log and the provider's book: files that only grow, a line at a time. A line is
//! one write, so a kill leaves it whole or not there at all.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Serialize, de::DeserializeOwned};
use signalbus::Timestamp;
use signalbus_testkit::history::{Event, Seen};

pub(crate) fn database(directory: &Path) -> PathBuf {
    directory.join("notifications.db")
}

/// What publishers asked and were told.
pub(crate) fn publications(directory: &Path) -> PathBuf {
    directory.join("publications")
}

/// What the provider was asked and said.
pub(crate) fn book(directory: &Path) -> PathBuf {
    directory.join("book")
}

/// What the parent saw at each kill.
pub(crate) fn kills(directory: &Path) -> PathBuf {
    directory.join("kills")
}

/// The lines of one observer in one process.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    actor: String,
    /// Numbers of calls and requests: each process has its own range.
    last: AtomicU64,
}

impl Log {
    pub(crate) fn open(path: &Path, process: u32, actor: String) -> io::Result<Self> {
        Ok(Self {
            file: open(path)?,
            actor,
            last: AtomicU64::new(u64::from(process) << 32),
        })
    }

    pub(crate) fn number(&self) -> u64 {
        self.last.fetch_add(1, Ordering::Relaxed) + 1
    }

    pub(crate) fn write(&self, seen: Seen) -> io::Result<()> {
        append(&self.file, &event(Timestamp::now(), &self.actor, seen))
    }
}

/// A line at a time of the one clock that all processes share.
pub(crate) fn event(wall: Timestamp, actor: &str, seen: Seen) -> Event {
    Event {
        at: u64::try_from(wall.as_microsecond()).unwrap_or(0),
        wall,
        actor: actor.to_owned(),
        seen,
    }
}

pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

pub(crate) fn append<T: Serialize>(mut file: &File, line: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(line)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// All lines; none when there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
        text => text?,
    };
    text.lines()
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}
