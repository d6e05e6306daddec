//! A fake Mailgun: sending, events, logs and webhooks.

mod books;
mod events;
mod service;
mod webhook;

pub use books::{File, Mail};
pub use webhook::Webhook;

use std::{fmt, sync::Arc};

use serde_json::Value;
use signalbus_core::{Clock, SystemClock, clock::Timestamp};

use self::service::Mailgun;
use super::{Act, server::Server};

/// A fake Mailgun on this machine. It knows the domains that it is told of, and each domain's keys; without
/// any it takes every domain and key.
///
/// ```no_run
/// # async fn test() {
/// use signalbus_testkit::fakes::{Act, mailgun::FakeMailgun};
///
/// let mailgun = FakeMailgun::start().await;
/// mailgun.play([Act::answer(429, r#"{"message":"try again after 2 seconds"}"#)]);
/// // … send to `mailgun.url()`, twice …
/// assert_eq!(mailgun.mails().len(), 1);
/// # }
/// ```
pub struct FakeMailgun {
    service: Arc<Mailgun>,
    server: Server,
}

impl FakeMailgun {
    /// The key that webhooks are signed with.
    pub const SIGNING_KEY: &str = "fake-signing-key";

    /// Starts it, with the time of the system.
    pub async fn start() -> Self {
        Self::start_with(Arc::new(SystemClock::new())).await
    }

    /// Starts it, with this time.
    pub async fn start_with(clock: Arc<dyn Clock>) -> Self {
        let service = Arc::new(Mailgun::new(clock));
        let server = Server::start(Arc::clone(&service) as _).await;
        service.lock().url = server.url();
        Self { service, server }
    }

    /// Where it is.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// Makes a domain known, with a key that may send and one that may read events. From then on other
    /// domains and keys are refused.
    pub fn domain(&self, domain: &str, sending_key: &str, reading_key: &str) {
        let keys = (sending_key.to_owned(), reading_key.to_owned());
        self.service.lock().domains.insert(domain.to_owned(), keys);
    }

    /// What it does with the next requests to send, in their order.
    pub fn play(&self, acts: impl IntoIterator<Item = Act>) {
        self.service.script.play(acts);
    }

    /// What it does with those after.
    pub fn then(&self, act: Act) {
        self.service.script.then(act);
    }

    /// How many events are on a page: 300, as Mailgun has.
    pub fn page_size(&self, events: usize) {
        self.service.lock().page_size = events;
    }

    /// Whether what it takes is among the events at once: yes, unless told otherwise. Mailgun's are late by
    /// up to half an hour.
    pub fn events_are_late(&self, late: bool) {
        self.service.lock().late = late;
    }

    /// The mails it took, in their order.
    #[must_use]
    pub fn mails(&self) -> Vec<Mail> {
        self.service.lock().mails.clone()
    }

    /// How many requests to send it got, taken or not.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.service.lock().requests
    }

    /// How many times it was asked for events or logs.
    #[must_use]
    pub fn questions(&self) -> usize {
        self.service.lock().questions
    }

    /// Something happens to a mail; it is among the events from now on. `more` is merged into the event:
    /// `{"severity": "permanent", "delivery-status": {"code": 550}}`.
    pub fn happens(&self, mail: &Mail, event: &str, more: &Value) -> Value {
        let at = self.service.clock.now();
        self.happens_at(mail, event, at, more)
    }

    /// Something happens to a mail at this time.
    pub fn happens_at(&self, mail: &Mail, event: &str, at: Timestamp, more: &Value) -> Value {
        let mut state = self.service.lock();
        state.counter += 1;
        let event = events::event(mail, event, at, state.counter, more);
        state.events.push(event.clone());
        event
    }

    /// The webhook for an event, signed now.
    #[must_use]
    pub fn webhook(&self, event: &Value) -> Webhook {
        let now = self.service.clock.now();
        let mut state = self.service.lock();
        state.counter += 1;
        Webhook::sign(Self::SIGNING_KEY, event, now, state.counter)
    }
}

impl fmt::Debug for FakeMailgun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeMailgun")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
