use std::{
    collections::VecDeque,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use signalbus_core::{
    Channel, Clock, Provider,
    provider::{Capabilities, Delivery, Found, Lookup, Question, SendError, Sent},
};
use tokio::sync::watch;

use super::{
    Books, Play, Request,
    books::Open,
    play::{Then, Wait},
    script::Script,
};

/// A provider that does what the test says.
///
/// Clones are the same provider: give one to the engine and keep one. Without a script it takes
/// everything. Rules can be added while it runs; the most special one wins: the number of the
/// call, then the recipient, then a condition, then the row of plays, then the default.
///
/// ```
/// use std::sync::Arc;
/// use signalbus::{channel::Sms, provider::Fault};
/// use signalbus_testkit::{clock::ManualClock, provider::{Play, ScriptedProvider}};
///
/// let provider = ScriptedProvider::<Sms>::new(Arc::new(ManualClock::default()));
/// // The first answer is lost, the second call is refused, everything else is taken.
/// provider.next([Play::cut(), Play::retryable(Fault::Provider)]);
/// ```
pub struct ScriptedProvider<C: Channel> {
    name: Arc<str>,
    clock: Arc<dyn Clock>,
    capabilities: Capabilities,
    answers_lookups: bool,
    unclear: Arc<Mutex<VecDeque<Option<Duration>>>>,
    books: Books,
    script: Arc<Mutex<Script<C>>>,
    released: Arc<watch::Sender<u64>>,
}

impl<C: Channel> ScriptedProvider<C> {
    /// A provider named `scripted` that takes everything, waits on this clock and dates its books
    /// by it. It reports the start of requests; otherwise its capabilities are the defaults.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            name: Arc::from("scripted"),
            books: Books::new(Arc::clone(&clock)),
            clock,
            capabilities: Capabilities::default().reporting_start(),
            answers_lookups: false,
            unclear: Arc::default(),
            script: Arc::default(),
            released: Arc::new(watch::Sender::new(0)),
        }
    }

    /// Sets its name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Arc::from(name);
        self
    }

    /// Sets what it tells the engine. With a [dedup window](Capabilities::dedup_window) it
    /// recognises repeats: it accepts them, and nobody gets a second message.
    #[must_use]
    pub fn with_capabilities(mut self, capabilities: Capabilities) -> Self {
        self.capabilities = capabilities;
        self
    }

    /// Lets the engine ask what became of a message; the answer is the truth.
    #[must_use]
    pub fn with_lookup(mut self) -> Self {
        self.answers_lookups = true;
        self
    }

    /// Makes the next questions unclear, one each, with how long to wait until the next; those after are
    /// answered with the truth.
    pub fn unclear(&self, waits: impl IntoIterator<Item = Option<Duration>>) {
        let mut unclear = self.unclear.lock().unwrap_or_else(PoisonError::into_inner);
        unclear.extend(waits);
    }

    /// For the call of this number, from one.
    pub fn on_call(&self, call: u64, play: Play) {
        self.script().on_call(call, play);
    }

    /// For the next calls for this recipient, one each.
    pub fn to(&self, address: &C::Address, plays: impl IntoIterator<Item = Play>) {
        self.script().to(address, plays);
    }

    /// For every call that meets a condition. It must not call this provider.
    pub fn when(
        &self,
        condition: impl Fn(&Delivery<'_, C>) -> bool + Send + Sync + 'static,
        play: Play,
    ) {
        self.script().when(Box::new(condition), play);
    }

    /// For the next calls, one each, behind those given before.
    pub fn next(&self, plays: impl IntoIterator<Item = Play>) {
        self.script().next(plays);
    }

    /// For all calls that no rule is for.
    pub fn default(&self, play: Play) {
        self.script().set_default(play);
    }

    /// Forgets all rules; from here on it takes everything.
    pub fn heal(&self) {
        *self.script() = Script::default();
    }

    /// Lets the calls go on that [stall](Play::stall) now.
    pub fn release(&self) {
        self.released.send_modify(|times| *times += 1);
    }

    /// What it was asked to do and did.
    #[must_use]
    pub fn books(&self) -> &Books {
        &self.books
    }

    /// All calls; see [`Books::requests`].
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.books.requests()
    }

    /// The calls by which somebody got a message; see [`Books::sent`].
    #[must_use]
    pub fn sent(&self) -> Vec<Request> {
        self.books.sent()
    }

    fn script(&self) -> MutexGuard<'_, Script<C>> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait(&self, wait: Wait) {
        match wait {
            Wait::For(Duration::ZERO) => {}
            Wait::For(time) => self.clock.sleep(time).await,
            Wait::Released => {
                // The sender lives in this provider.
                let _ = self.released.subscribe().changed().await;
            }
            Wait::Forever => std::future::pending().await,
        }
    }

    /// The earlier answer, when this is the repeat of a message that was taken.
    fn recognise(&self, delivery: &Delivery<'_, C>) -> Option<Sent> {
        let window = self.capabilities.dedup_window?;
        self.books.find(&delivery.reference(), window)
    }

    fn answer(&self, play: &Play, open: &Open<'_>) -> Result<Sent, SendError> {
        match &play.then {
            Then::Accept { id, named } => {
                let own = || named.then(|| format!("{}-{}", self.name, open.call()));
                let sent = id
                    .clone()
                    .or_else(own)
                    .map_or_else(Sent::new, Sent::with_id);
                open.accepted(&sent);
                Ok(sent)
            }
            Then::Fail(error) => {
                let error = error();
                open.failed(&error);
                Err(error)
            }
            Then::Panic => {
                open.panicked();
                panic!("the script of provider {} says panic", self.name);
            }
        }
    }
}

#[async_trait]
impl<C: Channel> Provider<C> for ScriptedProvider<C> {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self) -> Capabilities {
        self.capabilities.clone()
    }

    async fn send(&self, delivery: Delivery<'_, C>) -> Result<Sent, SendError> {
        let open = self.books.open(&delivery);
        let play = self.script().choose(open.call(), &delivery);
        if play.waits_first {
            self.wait(play.wait).await;
        }
        if play.starts {
            delivery.request_started();
            open.started();
        }
        let repeat = self.recognise(&delivery);
        if repeat.is_some() {
            open.repeated();
        } else if play.takes {
            open.taken();
        }
        if !play.waits_first {
            self.wait(play.wait).await;
        }
        match (repeat, &play.then) {
            (Some(earlier), Then::Accept { .. }) => {
                open.accepted(&earlier);
                Ok(earlier)
            }
            _ => self.answer(&play, &open),
        }
    }

    fn lookup(&self) -> Option<&dyn Lookup<C>> {
        self.answers_lookups.then_some(self)
    }
}

#[async_trait]
impl<C: Channel> Lookup<C> for ScriptedProvider<C> {
    async fn find(&self, question: &Question<'_, C>) -> Result<Found, SendError> {
        let next = self
            .unclear
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        if let Some(ask_again) = next {
            return Ok(Found::Unclear { ask_again });
        }
        Ok(self
            .books
            .find(&question.reference(), Duration::MAX)
            .map_or(Found::NotSent, Found::Sent))
    }
}

impl<C: Channel> Clone for ScriptedProvider<C> {
    fn clone(&self) -> Self {
        Self {
            name: Arc::clone(&self.name),
            clock: Arc::clone(&self.clock),
            capabilities: self.capabilities.clone(),
            answers_lookups: self.answers_lookups,
            unclear: Arc::clone(&self.unclear),
            books: self.books.clone(),
            script: Arc::clone(&self.script),
            released: Arc::clone(&self.released),
        }
    }
}

impl<C: Channel> fmt::Debug for ScriptedProvider<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScriptedProvider")
            .field("channel", &C::NAME)
            .field("name", &self.name)
            .field("script", &self.script())
            .finish_non_exhaustive()
    }
}
