//! The publishers' log and the provider's book: files that only grow, a line at a time. A kill may
//! cut the last line short (where it crosses a page of memory). What is not whole did not happen:
//! nobody went on after it.

use std::{
    fs::{File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use serde::{Serialize, de::DeserializeOwned};
use signalbus::Timestamp;
use signalbus_sim::history::{Event, Seen};

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
        Ok(Self::of(open(path)?, process, actor))
    }

    /// Opens it while others write into it: there is nothing to take off, and what they write meanwhile must stay.
    pub(crate) fn join(path: &Path, process: u32, actor: String) -> io::Result<Self> {
        let file = OpenOptions::new().append(true).create(true).open(path)?;
        Ok(Self::of(file, process, actor))
    }

    fn of(file: File, process: u32, actor: String) -> Self {
        Self {
            file,
            actor,
            last: AtomicU64::new(u64::from(process) << 32),
        }
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

/// Opens a file to append to it, and takes off what a kill left of a line.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    let whole = whole_lines(path)?.len();
    file.set_len(u64::try_from(whole).unwrap_or(u64::MAX))?;
    Ok(file)
}

fn whole_lines(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = match std::fs::read(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        bytes => bytes?,
    };
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    bytes.truncate(end.map_or(0, |end| end + 1));
    Ok(bytes)
}

pub(crate) fn append<T: Serialize>(mut file: &File, line: &T) -> io::Result<()> {
    let mut line = serde_json::to_vec(line)?;
    line.push(b'\n');
    file.write_all(&line)
}

/// All lines; none when there is no such file.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Vec<T>> {
    whole_lines(path)?
        .split_inclusive(|byte| *byte == b'\n')
        .map(|line| Ok(serde_json::from_slice(line)?))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_joins_takes_off_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book");
        std::fs::write(&path, "12\n3").unwrap();
        let joined = Log::join(&path, 1, "somebody".to_owned()).unwrap();
        append(&joined.file, &4).unwrap();
        assert_eq!(read::<u32>(&path).unwrap(), [12, 34]);
    }

    #[test]
    fn a_line_cut_short_did_not_happen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("book");
        assert_eq!(read::<u32>(&path).unwrap(), Vec::<u32>::new());
        std::fs::write(&path, "12\n34\n5").unwrap();
        assert_eq!(read::<u32>(&path).unwrap(), [12, 34]);
        append(&open(&path).unwrap(), &6).unwrap();
        assert_eq!(read::<u32>(&path).unwrap(), [12, 34, 6]);
        std::fs::write(&path, "12\n{\n5\n").unwrap();
        read::<u32>(&path).unwrap_err();
    }
}
