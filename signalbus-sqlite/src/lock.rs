//! One process owns a file: a lock of the operating system beside it, gone with the process. On Linux the
//! file itself is claimed too, so that neither another name of it nor the loss of the file beside it makes
//! a second owner.

use std::{
    fs::{File, OpenOptions, TryLockError},
    path::{Path, PathBuf},
    time::Duration,
};

use signalbus_core::{
    clock::Clock,
    store::{StoreError, StoreErrorKind},
};

/// How long until it is looked again whether the owner has gone.
const LOOK: Duration = Duration::from_millis(100);

/// Held while the store lives.
#[derive(Debug)]
pub(crate) struct FileLock {
    _file: File,
    #[cfg(target_os = "linux")]
    _claim: Option<claim::Claim>,
}

impl FileLock {
    /// Claims the file itself, once it is there.
    pub(crate) fn claim(&mut self, database: &Path) -> Result<(), StoreError> {
        #[cfg(target_os = "linux")]
        if self._claim.is_none() {
            self._claim = claim::Claim::of(database)?;
        }
        #[cfg(not(target_os = "linux"))]
        let _ = database;
        Ok(())
    }

    /// Takes the lock of the database at `database`, for which it waits this long at most.
    pub(crate) async fn wait(
        database: &Path,
        clock: &dyn Clock,
        wait: Duration,
    ) -> Result<Self, StoreError> {
        let begun = clock.monotonic();
        loop {
            match Self::take(database) {
                Err(error) if error.kind() == StoreErrorKind::InUse => {
                    let waited = clock.monotonic().saturating_sub(begun);
                    let Some(left) = wait.checked_sub(waited).filter(|left| !left.is_zero()) else {
                        return Err(error);
                    };
                    clock.sleep(left.min(LOOK)).await;
                }
                taken => return taken,
            }
        }
    }

    fn take(database: &Path) -> Result<Self, StoreError> {
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
            Ok(()) => {
                let mut lock = Self {
                    _file: file,
                    #[cfg(target_os = "linux")]
                    _claim: None,
                };
                lock.claim(database)?;
                Ok(lock)
            }
            Err(TryLockError::WouldBlock) => Err(in_use(database)),
            Err(TryLockError::Error(source)) => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                format!("the lock file {} cannot be locked", path.display()),
            )
            .with_source(source)),
        }
    }
}

fn in_use(database: &Path) -> StoreError {
    StoreError::new(
        StoreErrorKind::InUse,
        format!(
            "{} is open already, in this process or another: share one store by cloning \
             it, stop the other process, or use signalbus-postgres for several processes",
            database.display()
        ),
    )
}

/// A name in the kernel for one file, whatever it is called: a socket without a file (unix(7), abstract), on
/// which nobody listens. A lock on the file itself would do the same, but to close it frees those of SQLite.
#[cfg(target_os = "linux")]
mod claim {
    use std::{
        fs,
        io::ErrorKind,
        os::{
            linux::net::SocketAddrExt,
            unix::{
                fs::MetadataExt,
                net::{SocketAddr, UnixListener},
            },
        },
        path::Path,
    };

    use signalbus_core::store::StoreError;

    /// Held while the store lives.
    #[derive(Debug)]
    pub(super) struct Claim {
        _name: UnixListener,
    }

    impl Claim {
        /// None where the file is not there yet, or there are no such names.
        pub(super) fn of(database: &Path) -> Result<Option<Self>, StoreError> {
            let Ok(file) = fs::metadata(database) else {
                return Ok(None);
            };
            let name = format!("signalbus-sqlite/{:x}/{:x}", file.dev(), file.ino());
            let bound = SocketAddr::from_abstract_name(name)
                .and_then(|address| UnixListener::bind_addr(&address));
            match bound {
                Ok(name) => Ok(Some(Self { _name: name })),
                Err(error) if error.kind() == ErrorKind::AddrInUse => Err(super::in_use(database)),
                // The lock beside the file is what is left.
                Err(_) => Ok(None),
            }
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
