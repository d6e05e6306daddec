//! Providers with habits that a script cannot have.

use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use signalbus::{
    Provider,
    channel::Email,
    provider::{Capabilities, Delivery, Fault, Found, Lookup, Question, SendError, Sent},
};
use signalbus_testkit::provider::ScriptedProvider;

/// Cannot be asked what became of a message, so many times.
#[derive(Debug)]
pub(crate) struct Unreachable {
    inner: ScriptedProvider<Email>,
    times: AtomicU32,
}

impl Unreachable {
    pub(crate) fn new(inner: ScriptedProvider<Email>, times: u32) -> Self {
        Self {
            inner: inner.with_lookup(),
            times: AtomicU32::new(times),
        }
    }
}

#[async_trait]
impl Provider<Email> for Unreachable {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        self.inner.send(delivery).await
    }

    fn lookup(&self) -> Option<&dyn Lookup<Email>> {
        Some(self)
    }
}

#[async_trait]
impl Lookup<Email> for Unreachable {
    async fn find(&self, question: &Question<'_, Email>) -> Result<Found, SendError> {
        let less = |times: u32| times.checked_sub(1);
        match self
            .times
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, less)
        {
            Ok(_) => Err(SendError::retryable(Fault::Provider, "not now")),
            Err(_) => self.inner.find(question).await,
        }
    }
}

/// Takes a message that it knows for any that it is asked about.
#[derive(Debug)]
pub(crate) struct Mistaken {
    inner: ScriptedProvider<Email>,
    finds: &'static str,
}

impl Mistaken {
    pub(crate) fn new(inner: ScriptedProvider<Email>, finds: &'static str) -> Self {
        Self { inner, finds }
    }
}

#[async_trait]
impl Provider<Email> for Mistaken {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn capabilities(&self) -> Capabilities {
        self.inner.capabilities()
    }

    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        self.inner.send(delivery).await
    }

    fn lookup(&self) -> Option<&dyn Lookup<Email>> {
        Some(self)
    }
}

#[async_trait]
impl Lookup<Email> for Mistaken {
    async fn find(&self, _: &Question<'_, Email>) -> Result<Found, SendError> {
        Ok(Found::Sent(Sent::with_id(self.finds)))
    }
}
