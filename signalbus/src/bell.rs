//! Between publishers and the worker of one process: rings when there is work, and tells when
//! there is none.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::sync::{Notify, watch};

use crate::Wake;

#[derive(Debug)]
pub(crate) struct Bell {
    notify: Notify,
    rings: AtomicU64,
    /// Set while there is nothing to do.
    quiet: watch::Sender<Option<Quiet>>,
    /// The workers of other processes, if they are told.
    others: Option<Wake>,
}

/// What a worker says that has nothing to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Quiet {
    /// Up to which ring everything was done.
    pub(crate) rings: u64,
    /// When something becomes due, on the monotonic clock; none when nothing is known to.
    pub(crate) next: Option<Duration>,
}

impl Bell {
    pub(crate) fn new(others: Option<Wake>) -> Self {
        Self {
            others,
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

    /// There is new work in the store that this process put there: others may be the ones to do it.
    pub(crate) fn ring_all(&self) {
        self.ring();
        if let Some(others) = &self.others {
            others.now();
        }
    }

    /// How often it rang. Read it before looking for work.
    pub(crate) fn rings(&self) -> u64 {
        self.rings.load(Ordering::SeqCst)
    }

    /// Waits for a ring. Cancel safe.
    pub(crate) async fn heard(&self) {
        self.notify.notified().await;
    }

    /// The worker says whether it has nothing to do.
    pub(crate) fn tell(&self, quiet: Option<Quiet>) {
        self.quiet
            .send_if_modified(|told| std::mem::replace(told, quiet) != quiet);
    }

    /// Whether somebody waits for the worker to be done.
    pub(crate) fn is_awaited(&self) -> bool {
        self.quiet.receiver_count() > 0
    }

    /// Waits until the worker is done with everything up to now, and with what becomes due up to
    /// `due` on the monotonic clock. Cancel safe.
    pub(crate) async fn quiet(&self, due: Option<Duration>) {
        let mut quiet = self.quiet.subscribe();
        // Rings, so that the worker looks once more for what it has not seen.
        self.ring();
        let rings = self.rings();
        // The sender lives as long as `self`.
        let _ = quiet
            .wait_for(|quiet| {
                quiet.is_some_and(|quiet| {
                    let later = quiet
                        .next
                        .is_none_or(|next| due.is_none_or(|due| next > due));
                    quiet.rings >= rings && later
                })
            })
            .await;
    }
}
