use std::{error::Error, fmt};

/// Why a store could not do its work.
#[derive(Debug)]
pub struct StoreError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: StoreErrorKind,
    message: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Not reachable or too busy; nothing was written; another try may succeed.
    Unavailable,
    /// The connection broke while the transaction was being committed: it may have been written.
    /// Repeating the same call is safe.
    Ambiguous,
    /// A bus position was not the expected one: another consumer was there. Nothing was written.
    StalePosition,
    /// Another process owns the store.
    InUse,
    /// Something stored cannot be read: it is damaged, or from a newer version.
    Corrupt,
    /// This store cannot do that.
    Unsupported,
    /// The request itself is wrong.
    Invalid,
}

impl StoreError {
    /// `message` says what was being done, without content, addresses or secrets.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            source: None,
        }))
    }

    /// What caused it.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What went wrong.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.0.kind
    }

    /// Whether the same call may succeed later. True for [`StoreErrorKind::Ambiguous`] too, since
    /// repeating is safe.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        matches!(
            self.0.kind,
            StoreErrorKind::Unavailable | StoreErrorKind::Ambiguous
        )
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
