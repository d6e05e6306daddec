use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Whether this process wants requests: yes, until it is told otherwise. Cheap to clone; all clones are
/// the same.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    leaving: Arc<AtomicBool>,
}

impl Readiness {
    /// Wants requests.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Wants no more: `/readyz` says so from now on, and whoever sends requests looks elsewhere.
    pub fn leave(&self) {
        self.leaving.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }
}
