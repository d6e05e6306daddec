//! A fake Twilio: sending, listing, OAuth tokens, status callbacks and texts to us.

mod books;
mod callback;
mod magic;
mod service;

pub use books::Text;
pub use callback::Callback;

use std::{fmt, sync::Arc};

use signalbus_core::{Clock, SystemClock};

use self::service::Twilio;
use super::{Act, server::Server};

/// A fake Twilio on this machine, with one account. Twilio's magic numbers for tests give their errors.
///
/// ```no_run
/// # async fn test() {
/// use signalbus_testkit::fakes::{Act, twilio::FakeTwilio};
///
/// let twilio = FakeTwilio::start().await;
/// twilio.play([FakeTwilio::refusal(400, 21610)]);
/// // … send to `twilio.url()` …
/// assert!(twilio.texts().is_empty());
/// # }
/// ```
pub struct FakeTwilio {
    service: Arc<Twilio>,
    server: Server,
}

impl FakeTwilio {
    /// The account.
    pub const ACCOUNT: &str = "AC0000000000000000000000000000fa4e";
    /// Its auth token, which callbacks are signed with.
    pub const TOKEN: &str = "fake-auth-token";
    /// The SID of its API key.
    pub const KEY: &str = "SK0000000000000000000000000000fa4e";
    /// The secret of its API key.
    pub const KEY_SECRET: &str = "fake-key-secret";
    /// The client id of its OAuth application.
    pub const CLIENT: &str = "OQ0000000000000000000000000000fa4e";
    /// The client secret of its OAuth application.
    pub const CLIENT_SECRET: &str = "fake-client-secret";

    /// Starts it, with the time of the system.
    pub async fn start() -> Self {
        Self::start_with(Arc::new(SystemClock::new())).await
    }

    /// Starts it, with this time.
    pub async fn start_with(clock: Arc<dyn Clock>) -> Self {
        let service = Arc::new(Twilio::new(clock));
        let server = Server::start(Arc::clone(&service) as _).await;
        Self { service, server }
    }

    /// Where it is: the API and the OAuth tokens.
    #[must_use]
    pub fn url(&self) -> String {
        self.server.url()
    }

    /// A refusal as Twilio writes it.
    #[must_use]
    pub fn refusal(status: u16, code: u32) -> Act {
        Act::answer(status, service::refusal(status, code).body)
    }

    /// What it does with the next requests to send, in their order.
    pub fn play(&self, acts: impl IntoIterator<Item = Act>) {
        self.service.script.play(acts);
    }

    /// What it does with those after.
    pub fn then(&self, act: Act) {
        self.service.script.then(act);
    }

    /// The texts it took, in their order.
    #[must_use]
    pub fn texts(&self) -> Vec<Text> {
        self.service.lock().texts.clone()
    }

    /// How many requests to send it got, taken or not.
    #[must_use]
    pub fn requests(&self) -> usize {
        self.service.lock().requests
    }

    /// How many OAuth tokens it gave.
    #[must_use]
    pub fn tokens(&self) -> usize {
        self.service.lock().tokens
    }

    /// Ends all OAuth tokens.
    pub fn end_tokens(&self) {
        let mut state = self.service.lock();
        state.oldest_token = state.tokens + 1;
    }

    /// Somebody else sends the same text through the account: what a look-up must not take for ours.
    pub fn sends_beside(&self, text: &Text) {
        self.service.beside(text);
    }

    /// The callback that says a text has this status now; none when it asked for none.
    #[must_use]
    pub fn callback(&self, text: &Text, status: &str, code: Option<u32>) -> Option<Callback> {
        Callback::status(Self::ACCOUNT, text, status, code)
    }

    /// The callback that brings a text to us, to the URL of a number.
    #[must_use]
    pub fn inbound(&self, url: &str, from: &str, to: &str, body: &str) -> Callback {
        let sid = self.service.next_sid();
        Callback::inbound(Self::ACCOUNT, &sid, url, from, to, body)
    }
}

impl fmt::Debug for FakeTwilio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeTwilio")
            .field("url", &self.url())
            .finish_non_exhaustive()
    }
}
