use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

/// Goes one way: from "nothing left this process" to "a send may have been caused".
#[derive(Debug, Clone, Default)]
pub struct Latch(Arc<AtomicBool>);

impl Latch {
    /// From here on a missing answer means "unknown".
    pub fn set(&self) {
        self.0.store(true, Ordering::Release);
    }

    /// Whether it was set.
    #[must_use]
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }
}
