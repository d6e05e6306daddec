//! Whether the files that are open are still those of the path: SQLite goes on writing into files that were
//! removed, moved or replaced, and all of it would be gone with the process.

use std::path::{Path, PathBuf};

use signalbus_core::store::{StoreError, StoreErrorKind};

/// The database, its log, and the index of the log.
const NAMES: [&str; 3] = ["", "-wal", "-shm"];

/// The files of a database that is open.
#[derive(Debug)]
pub(crate) struct Files {
    known: Vec<(PathBuf, Identity)>,
}

impl Files {
    /// Those that are there now: they stay as long as one connection is open.
    pub(crate) fn of(database: &Path) -> Self {
        let known = NAMES.iter().filter_map(|name| {
            let mut path = database.as_os_str().to_owned();
            path.push(name);
            let path = PathBuf::from(path);
            identity(&path).map(|identity| (path, identity))
        });
        Self {
            known: known.collect(),
        }
    }

    /// Whether all are in their places.
    ///
    /// # Errors
    /// When one is not: nothing that is written would be found again.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        match self.missing() {
            None => Ok(()),
            Some(path) => Err(gone(StoreErrorKind::Unavailable, path)),
        }
    }

    /// The same after a commit.
    ///
    /// # Errors
    /// When one went meanwhile: nobody knows what was written into which.
    pub(crate) fn check_written(&self) -> Result<(), StoreError> {
        match self.missing() {
            None => Ok(()),
            Some(path) => Err(gone(StoreErrorKind::Ambiguous, path)),
        }
    }

    fn missing(&self) -> Option<&Path> {
        let mut known = self.known.iter();
        let missing = known.find(|(path, known)| identity(path).as_ref() != Some(known));
        missing.map(|(path, _)| path.as_path())
    }
}

fn gone(kind: StoreErrorKind, path: &Path) -> StoreError {
    StoreError::new(
        kind,
        format!(
            "{} was removed, moved or replaced while it is open: put it back, or stop this process and look what is there",
            path.display()
        ),
    )
}

#[cfg(unix)]
type Identity = (u64, u64);

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt;

    let file = std::fs::metadata(path).ok()?;
    Some((file.dev(), file.ino()))
}

/// Elsewhere a file that is open can be neither removed nor moved.
#[cfg(not(unix))]
type Identity = ();

#[cfg(not(unix))]
fn identity(_path: &Path) -> Option<Identity> {
    Some(())
}
