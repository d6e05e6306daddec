//! The user's handle.

mod bus;
mod operate;
mod people;
mod prepare;
mod publish;
#[cfg(feature = "http")]
mod serve;
mod templates;

pub use people::Who;
pub use publish::PreviewError;

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    builder::BusSetup,
    engine::{self, Part, Phase, Shared, Worker},
    health::{Health, PartHealth},
    store::Store,
};

/// Publishes events, and sends what is due once it was started. Cheap to clone: all clones are
/// the same engine. When the last one is dropped the engine stops as in a crash; call
/// [`Signalbus::shutdown`] to let it finish.
#[derive(Debug, Clone)]
pub struct Signalbus {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    shared: Arc<Shared>,
    buses: Vec<BusSetup>,
    running: Mutex<Option<Running>>,
}

#[derive(Debug)]
struct Running {
    phase: watch::Sender<Phase>,
    sending: Option<Part>,
    reading: Vec<(String, Part)>,
    /// What was told to leave and has not left when it was started again.
    _leaving: Option<Box<Running>>,
}

impl Signalbus {
    pub(crate) fn new(shared: Arc<Shared>, buses: Vec<BusSetup>) -> Self {
        Self {
            inner: Arc::new(Inner {
                shared,
                buses,
                running: Mutex::new(None),
            }),
        }
    }

    /// Starts the engine on the current tokio runtime: from now on what is due is sent. Does
    /// nothing when it runs already. While it shuts down another one is started beside the one that leaves,
    /// and takes over what that gives up.
    ///
    /// A part that panics, for instance in a store, is started again by itself: after 100 ms at first, after
    /// 30 s at most. [`Signalbus::health`] tells of it.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn start(&self) {
        let mut running = self.running();
        let leaving = running.take().filter(|running| !running.phase.is_closed());
        if let Some(runs) = leaving {
            if *runs.phase.borrow() == Phase::Running {
                *running = Some(runs);
                return;
            }
            *running = Some(self.begin(Some(Box::new(runs))));
            return;
        }
        *running = Some(self.begin(None));
    }

    fn begin(&self, leaving: Option<Box<Running>>) -> Running {
        let (phase, told) = watch::channel(Phase::Running);
        self.shared().fresh.want();
        let sending = self.sends().then(|| {
            let (shared, phase) = (Arc::clone(&self.inner.shared), told.clone());
            let clock = Arc::clone(&shared.clock);
            Part::start("sending", clock, told.clone(), move || {
                Worker::new(Arc::clone(&shared), phase.clone()).run()
            })
        });
        let mut reading = Vec::new();
        for setup in &self.inner.buses {
            let Some(group) = setup.group.clone() else {
                continue;
            };
            let name = format!("{}/{}", setup.bus.name(), setup.topic);
            let (shared, setup) = (Arc::clone(&self.inner.shared), setup.clone());
            let (clock, phase) = (Arc::clone(&shared.clock), told.clone());
            let part = Part::start("reading a bus", clock, told.clone(), move || {
                let (shared, setup) = (Arc::clone(&shared), setup.clone());
                engine::read_bus(shared, setup, group.clone(), phase.clone())
            });
            reading.push((name, part));
        }
        Running {
            phase,
            sending,
            reading,
            _leaving: leaving,
        }
    }

    /// How the engine does now. Cheap: nothing is asked, and nothing is waited for.
    #[must_use]
    pub fn health(&self) -> Health {
        let running = self.running();
        let running = running.as_ref();
        let leaving = running.is_some_and(|running| *running.phase.borrow() == Phase::Draining);
        let sending = running.and_then(|running| running.sending.as_ref());
        let sending = self
            .sends()
            .then(|| sending.map_or(PartHealth::Stopped, |part| part.health(leaving)));
        let reading = running.into_iter().flat_map(|running| &running.reading);
        let reading = reading.map(|(name, part)| (name.clone(), part.health(leaving)));
        self.shared().vitals.health(sending, reading.collect())
    }

    /// Stops the engine: takes no new work, lets sends in flight finish for up to
    /// [`EngineOptions::drain`](crate::EngineOptions), writes their results and gives its lanes
    /// up at once. A store that does not answer is waited for up to eight seconds after the last send
    /// ended, and up to three after the drain; what it did not take is found as interrupted later, as after a crash.
    /// So with nothing in a provider's hands it ends within 15 seconds, whatever the store does. The handle
    /// still publishes. Does nothing when it does not run.
    ///
    /// Cancel safe: a dropped call leaves the engine stopping.
    pub async fn shutdown(&self) {
        let Some(phase) = self.running().as_ref().map(|running| running.phase.clone()) else {
            return;
        };
        phase.send_replace(Phase::Draining);
        // Each task holds a receiver until it ends.
        phase.closed().await;
    }

    /// Waits until the engine has nothing to do: everything published before, and everything due
    /// in its lanes, was sent or ended.
    ///
    /// - What is scheduled, or waits for its next try, is **not** waited for: it may return while messages wait for
    ///   their backoff. See [`Signalbus::idle_within`].
    /// - What is due **is** waited for, also while its provider is left alone after failures: it comes back when
    ///   the provider does. Under a clock that a test moves somebody has to move it meanwhile, as
    ///   `ManualClock::run` of the testkit does; `tokio::time::timeout` bounds it elsewhere.
    ///
    /// Returns when the engine does not run (any more): one that was built and never started is told in the log.
    /// Cancel safe.
    pub async fn idle(&self) {
        self.quiet(None).await;
    }

    /// Waits as [`Signalbus::idle`] does, and for what becomes due `within` this time from now
    /// too: retries and what was scheduled. A retry that comes to another one waits for that as
    /// well, if it is due in time. Time is that of the engine's clock: a manual one must be moved
    /// by somebody else meanwhile.
    ///
    /// Returns when the engine does not run any more. Cancel safe.
    pub async fn idle_within(&self, within: Duration) {
        let now = self.shared().clock.monotonic();
        self.quiet(Some(now.saturating_add(within))).await;
    }

    /// Whether it has a provider for any channel.
    fn sends(&self) -> bool {
        let mut routes = self.shared().planner.routes.values();
        routes.any(|route| !route.providers().is_empty())
    }

    /// Waits until there is nothing to do, nor anything due up to `due` on the monotonic clock.
    async fn quiet(&self, due: Option<Duration>) {
        let Some(phase) = self.running().as_ref().map(|running| running.phase.clone()) else {
            tracing::warn!(
                "nothing is sent: the engine was built and not started; call Signalbus::start"
            );
            return;
        };
        if !self.sends() {
            return;
        }
        tokio::select! {
            biased;
            () = phase.closed() => {}
            () = self.shared().bell.quiet(due) => {}
        }
    }

    /// The store it was built with.
    #[must_use]
    pub fn store(&self) -> &dyn Store {
        &*self.inner.shared.store
    }

    /// The same to share, for instance with a router that records receipts: what is done through it is
    /// counted in the metrics of this engine.
    #[must_use]
    pub fn shared_store(&self) -> Arc<dyn Store> {
        Arc::clone(&self.inner.shared.store)
    }

    fn shared(&self) -> &Shared {
        &self.inner.shared
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Running>> {
        self.inner
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
