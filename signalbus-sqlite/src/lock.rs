//! One process owns a file: a lock of the operating system beside it, gone with the process.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
};

use signalbus_core::store::{StoreError, StoreErrorKind};

/// Held while the store lives.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock of the database at `database`.
    pub(crate) fn take(database: &Path) -> Result<Self, StoreError> {
        let path = path_for(database);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .map_err(|source| {
                StoreError::new(
                    StoreErrorKind::Unavailable,
                    format!(
                        "the lock file {} cannot be opened: check that its directory exists and may be written",
                        path.display()
                    ),
                )
                .with_source(source)
            })?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: file }),
            Err(TryLockError::WouldBlock) => Err(StoreError::new(
                StoreErrorKind::InUse,
                format!(
                    "{} is open already, in this process or another: share one store by cloning \
                     it, stop the other process, or use signalbus-postgres for several processes",
                    database.display()
                ),
            )),
            Err(TryLockError::Error(source)) => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                format!("the lock file {} cannot be locked", path.display()),
            )
            .with_source(source)),
        }
    }
}

/// `app.db` is locked by `app.db.lock`; two ways to the same file lead to the same lock.
fn path_for(database: &Path) -> PathBuf {
    let resolved = database.canonicalize().or_else(|_| {
        let parent = match database.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        parent
            .canonicalize()
            .map(|parent| parent.join(database.file_name().unwrap_or_default()))
    });
    let mut path = resolved
        .unwrap_or_else(|_| database.to_owned())
        .into_os_string();
    path.push(".lock");
    PathBuf::from(path)
}
