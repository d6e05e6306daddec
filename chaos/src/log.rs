//! The publisher's log and the provider's book: files that only grow, a line at a time. A line
//! is one write, so a kill leaves it whole or not there at all.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use signalbus::DeliveryId;

/// A line of the publisher's log.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Publication {
    /// It is about to publish this message.
    Invoked { message: u64 },
    /// The answer came: stored, as this delivery.
    Answered {
        message: u64,
        delivery: DeliveryId,
        duplicate: bool,
    },
}

/// A line of the provider's book: a request that arrived.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Request {
    pub(crate) message: u64,
    pub(crate) delivery: DeliveryId,
    pub(crate) attempt: u32,
    /// Since the epoch.
    pub(crate) at: Duration,
}

pub(crate) fn database(directory: &Path) -> PathBuf {
    directory.join("notifications.db")
}

pub(crate) fn publications(directory: &Path) -> PathBuf {
    directory.join("publications")
}

pub(crate) fn book(directory: &Path) -> PathBuf {
    directory.join("book")
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

/// Since the epoch: the one clock that all processes share.
pub(crate) fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
