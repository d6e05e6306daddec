use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;

/// What a worker reaches the world through: it can be shut, as when its process is stopped, and
/// it can be gone, as when its process is killed.
#[derive(Debug)]
pub(super) struct Gate {
    way: Mutex<Way>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Open,
    Shut,
    /// For good.
    Gone,
}

impl Gate {
    pub(super) fn new() -> Self {
        Self {
            way: Mutex::new(Way::Open),
            changed: Notify::new(),
        }
    }

    pub(super) fn set(&self, way: Way) {
        let mut now = self.way.lock().unwrap_or_else(PoisonError::into_inner);
        if *now != Way::Gone {
            *now = way;
        }
        drop(now);
        self.changed.notify_waiters();
    }

    pub(super) fn way(&self) -> Way {
        *self.way.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until it is open.
    pub(super) async fn pass(&self) {
        loop {
            let changed = self.changed.notified();
            if self.way() == Way::Open {
                return;
            }
            changed.await;
        }
    }
}
