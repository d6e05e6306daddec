use std::{fmt, sync::Arc};

use async_trait::async_trait;
use signalbus_core::{
    Channel, Clock, Provider, SystemClock,
    provider::{Capabilities, Delivery, SendError, Sent},
};

use super::{Books, Request, ScriptedProvider};

/// A provider that takes every message and remembers it.
///
/// Clones are the same provider: give one to the engine and keep one.
pub struct RecordingProvider<C: Channel> {
    inner: ScriptedProvider<C>,
}

impl<C: Channel> RecordingProvider<C> {
    /// A provider named `recording`, on the clock of the system.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// A provider named `recording` that dates its books by this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            inner: ScriptedProvider::new(clock).named("recording"),
        }
    }

    /// Sets its name.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        Self {
            inner: self.inner.named(name),
        }
    }

    /// What it was asked to do.
    #[must_use]
    pub fn books(&self) -> &Books {
        self.inner.books()
    }

    /// All messages, in the order of calls.
    #[must_use]
    pub fn sent(&self) -> Vec<Request> {
        self.inner.sent()
    }
}

#[async_trait]
impl<C: Channel> Provider<C> for RecordingProvider<C> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError> {
        self.inner.send(delivery).await
    }
}

impl<C: Channel> Default for RecordingProvider<C> {
    fn default() -> Self {
        Self::new()
    }
}

impl<C: Channel> Clone for RecordingProvider<C> {
    fn clone(&self) -> Self {
        Self {
            inner: self.inner.clone(),
        }
    }
}

impl<C: Channel> fmt::Debug for RecordingProvider<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingProvider")
            .field("channel", &C::NAME)
            .field("name", &self.inner.name())
            .finish_non_exhaustive()
    }
}
