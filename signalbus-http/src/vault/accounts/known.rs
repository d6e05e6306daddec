use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use signalbus_core::{Channel, Timestamp, provider::Provider};
use tokio::sync::Mutex;

use super::AccountError;
use crate::vault::GuardError;

/// What is known of one tenant.
pub(super) struct Known<C: Channel> {
    /// Held while the directory is asked: the others of this tenant wait for the answer.
    pub(super) last: Mutex<Last<C>>,
    has_own: AtomicBool,
}

/// The last look.
pub(super) struct Last<C: Channel> {
    /// When, on the monotonic clock.
    pub(super) looked_at: Option<Duration>,
    pub(super) through: Through<C>,
}

/// What a tenant's messages are sent through.
pub(super) enum Through<C: Channel> {
    /// It has no account on this channel.
    Everybodys,
    Own(Own<C>),
}

/// An account, and the provider that was made of it.
pub(super) struct Own<C: Channel> {
    pub(super) name: String,
    pub(super) revision: u64,
    pub(super) changed_at: Timestamp,
    /// When the provider was made, on the monotonic clock.
    pub(super) made_at: Duration,
    pub(super) provider: Result<Arc<dyn Provider<C>>, Unusable>,
}

/// Why an account sends nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unusable {
    #[error("it does not open: {0}")]
    Closed(#[from] crate::vault::OpenError),
    #[error("its secrets cannot be read")]
    Unreadable,
    #[error("its host {0}")]
    Host(#[from] GuardError),
    #[error(transparent)]
    Account(#[from] AccountError),
}

impl<C: Channel> Default for Known<C> {
    fn default() -> Self {
        let last = Last {
            looked_at: None,
            through: Through::Everybodys,
        };
        Self {
            last: Mutex::new(last),
            has_own: AtomicBool::new(false),
        }
    }
}

impl<C: Channel> Known<C> {
    pub(super) fn has_own(&self) -> bool {
        self.has_own.load(Ordering::Relaxed)
    }

    pub(super) fn note(&self, has_own: bool) {
        self.has_own.store(has_own, Ordering::Relaxed);
    }
}
