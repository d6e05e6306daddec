use std::{
    any::Any,
    path::Path,
    sync::{Mutex, PoisonError},
};

use tempfile::TempDir;

/// Where the store of one case keeps its data: an empty folder, gone after the case.
///
/// Opening a store twice at one place must give the same data.
#[derive(Debug)]
pub struct Place {
    folder: TempDir,
    kept: Mutex<Option<Box<dyn Any + Send>>>,
}

impl Place {
    #[expect(
        clippy::expect_used,
        reason = "a test without a temporary folder cannot go on"
    )]
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a temporary folder"),
            kept: Mutex::new(None),
        }
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// What the first call made, for every call: for stores that live in this process and hand
    /// out clones of themselves, or for the name of a database made for this case.
    pub fn keep<T: Clone + Send + 'static>(&self, make: impl FnOnce() -> T) -> T {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = kept.as_ref().and_then(|kept| kept.downcast_ref::<T>()) {
            return known.clone();
        }
        let made = make();
        *kept = Some(Box::new(made.clone()));
        made
    }
}
