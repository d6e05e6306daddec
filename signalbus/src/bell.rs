//! Between publishers and the worker of one process: rings when there is work, and tells when
//! there is none.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{Notify, watch};

#[derive(Debug)]
pub(crate) struct Bell {
    notify: Notify,
    rings: AtomicU64,
    /// Up to which ring everything was done, while there is nothing to do.
    quiet: watch::Sender<Option<u64>>,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self {
            notify: Notify::new(),
            rings: AtomicU64::new(0),
            quiet: watch::Sender::new(None),
        }
    }

    /// There is new work in the store.
    pub(crate) fn ring(&self) {
        self.rings.fetch_add(1, Ordering::SeqCst);
        self.notify.notify_one();
    }

    /// How often it rang. Read it before looking for work.
    pub(crate) fn rings(&self) -> u64 {
        self.rings.load(Ordering::SeqCst)
    }

    /// Waits for a ring. Cancel safe.
    pub(crate) async fn heard(&self) {
        self.notify.notified().await;
    }

    /// The worker says whether it is done with everything up to a ring.
    pub(crate) fn tell(&self, quiet: Option<u64>) {
        self.quiet
            .send_if_modified(|told| std::mem::replace(told, quiet) != quiet);
    }

    /// Whether somebody waits for the worker to be done.
    pub(crate) fn is_awaited(&self) -> bool {
        self.quiet.receiver_count() > 0
    }

    /// Waits until the worker is done with everything up to now. Cancel safe.
    pub(crate) async fn quiet(&self) {
        let mut quiet = self.quiet.subscribe();
        // Rings, so that the worker looks once more for what it has not seen.
        self.ring();
        let rings = self.rings();
        // The sender lives as long as `self`.
        let _ = quiet
            .wait_for(|quiet| quiet.is_some_and(|done| done >= rings))
            .await;
    }
}
