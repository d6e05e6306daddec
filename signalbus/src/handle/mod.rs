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
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::FutureExt;
use tokio::sync::watch;

use crate::{
    builder::BusSetup,
    engine::{self, Phase, Shared, Worker},
    store::Store,
    task::{self, Task},
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
    /// Stops them when dropped.
    _tasks: Vec<Task>,
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
    /// nothing when it runs already.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    #[track_caller]
    pub fn start(&self) {
        let mut running = self.running();
        if running
            .as_ref()
            .is_some_and(|running| !running.phase.is_closed())
        {
            return;
        }
        let (phase, told) = watch::channel(Phase::Running);
        self.shared().fresh.want();
        let mut tasks = Vec::new();
        if self.sends() {
            let worker = Worker::new(Arc::clone(&self.inner.shared), told.clone());
            tasks.push(task::start(noticed("sending", worker.run())));
        }
        for setup in &self.inner.buses {
            if let Some(group) = setup.group.clone() {
                let shared = Arc::clone(&self.inner.shared);
                let reading = engine::read_bus(shared, setup.clone(), group, told.clone());
                tasks.push(task::start(noticed("reading the bus", reading)));
            }
        }
        drop(told);
        *running = Some(Running {
            phase,
            _tasks: tasks,
        });
    }

    /// Stops the engine: takes no new work, lets sends in flight finish for up to
    /// [`EngineOptions::drain`](crate::EngineOptions), writes their results and gives its lanes
    /// up at once. A store that does not answer is waited for up to three seconds more. The handle
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

/// Runs a part of the engine. Sends and what channels do are isolated one by one; what else panics,
/// such as a store, ends the part, and that must be known.
async fn noticed(part: &'static str, run: impl Future<Output = ()>) {
    if AssertUnwindSafe(run).catch_unwind().await.is_err() {
        tracing::error!(
            part,
            "the engine panicked and has stopped: restart the process"
        );
    }
}
