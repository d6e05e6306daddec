//! Where the file is and how it is written.

use std::{path::PathBuf, sync::Arc, time::Duration};

use signalbus_core::{
    clock::{Clock, SystemClock},
    store::StoreError,
    text::percent_decoded,
};

use crate::{SchemaVersion, SqliteStore, error, schema};

/// When SQLite waits for the disk (`PRAGMA synchronous`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Synchronous {
    /// With every commit: what was answered with `Ok` survives the loss of power.
    #[default]
    Full,
    /// With every checkpoint only: survives the death of the process, but the loss of power may
    /// undo the last commits. Events accepted in them are lost, and messages claimed and sent in
    /// them are sent again.
    Normal,
}

/// Where the file is and how it is written; [`SqliteStore::builder`] makes one.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until it is opened"]
pub struct SqliteBuilder {
    pub(crate) path: PathBuf,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) synchronous: Synchronous,
    pub(crate) lanes: Option<u16>,
    pub(crate) busy_timeout: Duration,
    pub(crate) owner_wait: Duration,
    pub(crate) readers: u32,
    pub(crate) migrate: bool,
    pub(crate) read_only: bool,
}

impl SqliteBuilder {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            clock: Arc::new(SystemClock::new()),
            synchronous: Synchronous::default(),
            lanes: None,
            busy_timeout: Duration::from_secs(5),
            owner_wait: Duration::ZERO,
            readers: 2,
            migrate: true,
            read_only: false,
        }
    }

    /// Reads `sqlite:///absolute/path.db` or `sqlite://relative/path.db`, with the options
    /// `synchronous` (`full` or `normal`), `lanes`, `readers`, `busy_timeout_ms` and `owner_wait_ms`
    /// behind a `?`.
    ///
    /// # Errors
    /// When the URL is not of this form, or an option is not known or has a wrong value.
    pub fn from_url(url: &str) -> Result<Self, StoreError> {
        let rest = url.strip_prefix("sqlite://").ok_or_else(|| {
            error::invalid("the URL of an SQLite store starts with sqlite://, as in sqlite:///var/lib/app/notifications.db")
        })?;
        let (path, options) = rest.split_once('?').unwrap_or((rest, ""));
        let path = percent_decoded(path)
            .ok_or_else(|| error::invalid("the path in the URL has a % that escapes no UTF-8"))?;
        options
            .split('&')
            .filter(|option| !option.is_empty())
            .try_fold(Self::new(PathBuf::from(path)), Self::with_option)
    }

    fn with_option(self, option: &str) -> Result<Self, StoreError> {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        match name {
            "synchronous" => match value {
                "full" => Ok(self.synchronous(Synchronous::Full)),
                "normal" => Ok(self.synchronous(Synchronous::Normal)),
                _ => Err(error::invalid("synchronous is full or normal")),
            },
            "lanes" => Ok(self.lanes(number(name, value)?)),
            "readers" => Ok(self.readers(number(name, value)?)),
            "busy_timeout_ms" => Ok(self.busy_timeout(Duration::from_millis(number(name, value)?))),
            "owner_wait_ms" => Ok(self.owner_wait(Duration::from_millis(number(name, value)?))),
            _ => Err(error::invalid(format!(
                "{name:?} is no option of an SQLite store; there are synchronous, lanes, readers, busy_timeout_ms and owner_wait_ms"
            ))),
        }
    }

    /// Whose time the store goes by; the operating system's unless set.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// When SQLite waits for the disk; with every commit unless set.
    pub fn synchronous(mut self, synchronous: Synchronous) -> Self {
        self.synchronous = synchronous;
        self
    }

    /// How many lanes a new file gets; one unless set. A file keeps the number it was made with.
    ///
    /// More than one is of use only to several workers within one process.
    pub fn lanes(mut self, lanes: u16) -> Self {
        self.lanes = Some(lanes);
        self
    }

    /// How long to wait for another connection that is writing to the file; five seconds unless
    /// set.
    pub fn busy_timeout(mut self, timeout: Duration) -> Self {
        self.busy_timeout = timeout;
        self
    }

    /// How long opening waits for another process that has the file; not at all unless set.
    ///
    /// For a restart in which the new process begins before the old one has ended: give it longer than
    /// the old one takes to shut down, which is `EngineOptions::drain` and three seconds. It looks ten
    /// times a second.
    pub fn owner_wait(mut self, wait: Duration) -> Self {
        self.owner_wait = wait;
        self
    }

    /// How many connections read at the same time; two unless set.
    pub fn readers(mut self, readers: u32) -> Self {
        self.readers = readers;
        self
    }

    /// Whether opening makes the file and the tables that are missing; true unless set. When false,
    /// a file that is not there, or has older tables, is an error.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Opens the file for looking only; false unless set. Another process may own it meanwhile:
    /// nothing is locked, made or changed, and whatever would write answers
    /// [`Unavailable`](signalbus_core::store::StoreErrorKind::Unavailable).
    pub fn read_only(mut self, read_only: bool) -> Self {
        self.read_only = read_only;
        self
    }

    /// The version of the tables that are there, and the one that this library makes. Changes
    /// nothing, and needs no lock: another process may own the file. Cancel safe.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub async fn schema_version(&self) -> Result<SchemaVersion, StoreError> {
        schema::version(self).await
    }

    /// The version of SQLite itself, such as `3.46.0`: it is a part of this program. Touches no file. Cancel safe.
    ///
    /// # Errors
    /// When SQLite does not answer.
    pub async fn sqlite_version(&self) -> Result<String, StoreError> {
        schema::sqlite().await
    }

    /// Opens the file, and makes it when it is not there. Cancel safe.
    ///
    /// # Errors
    /// [`InUse`](signalbus_core::store::StoreErrorKind::InUse) when it is open already,
    /// after [`owner_wait`](Self::owner_wait),
    /// [`Invalid`](signalbus_core::store::StoreErrorKind::Invalid) when the configuration is wrong,
    /// [`Corrupt`](signalbus_core::store::StoreErrorKind::Corrupt) when it is damaged, no database, or
    /// from a newer version, [`Unavailable`](signalbus_core::store::StoreErrorKind::Unavailable) when
    /// it cannot be read and written,
    /// [`Unsupported`](signalbus_core::store::StoreErrorKind::Unsupported) when its tables are missing
    /// or older and may not be made.
    pub async fn open(self) -> Result<SqliteStore, StoreError> {
        self.check()?;
        SqliteStore::connect(self).await
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.path.file_name().is_none() {
            return Err(error::invalid("the path of the store names no file"));
        }
        if self.path.as_os_str() == ":memory:" {
            return Err(error::invalid(
                "an SQLite store needs a file; for a store in memory take signalbus_core::store::MemoryStore",
            ));
        }
        if self.lanes == Some(0) {
            return Err(error::invalid("a store needs at least one lane"));
        }
        if self.readers == 0 {
            return Err(error::invalid("a store needs at least one reader"));
        }
        Ok(())
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, StoreError> {
    value
        .parse()
        .map_err(|_| error::invalid(format!("{name} is a whole number within its range")))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_url_names_path_and_options() {
        let builder = SqliteBuilder::from_url(
            "sqlite:///var/lib/my%20app/n.db?synchronous=normal&lanes=4&busy_timeout_ms=250&owner_wait_ms=40000",
        )
        .unwrap();
        assert_eq!(builder.path, Path::new("/var/lib/my app/n.db"));
        assert_eq!(builder.synchronous, Synchronous::Normal);
        assert_eq!(builder.lanes, Some(4));
        assert_eq!(builder.busy_timeout, Duration::from_millis(250));
        assert_eq!(builder.owner_wait, Duration::from_secs(40));
        assert_eq!(
            SqliteBuilder::from_url("sqlite://n.db").unwrap().path,
            Path::new("n.db")
        );
    }

    #[test]
    fn a_wrong_url_says_what_to_write() {
        for (url, hint) in [
            ("postgres://localhost/app", "sqlite://"),
            ("sqlite:///n.db?synchronous=off", "full or normal"),
            ("sqlite:///n.db?journal=wal", "busy_timeout_ms"),
            ("sqlite:///n.db?lanes=70000", "lanes"),
            ("sqlite:///n%zz.db", "%"),
        ] {
            let error = SqliteBuilder::from_url(url).unwrap_err();
            assert!(error.to_string().contains(hint), "{url}: {error}");
        }
    }

    #[tokio::test]
    async fn a_store_in_memory_is_refused() {
        let error = SqliteBuilder::from_url("sqlite://:memory:")
            .unwrap()
            .open()
            .await
            .unwrap_err();
        assert!(error.to_string().contains("MemoryStore"));
    }
}
