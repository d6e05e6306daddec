//! A part of the engine that is started again when it panics. Sends and what channels do are isolated
//! one by one; what else panics, such as a store, ends the part.

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    time::Duration,
};

use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use tokio::sync::watch;

use super::Phase;
use crate::{
    clock::Clock,
    health::PartHealth,
    task::{self, Task},
};

/// How long a part must run for its panics to be forgotten.
const FORGIVEN: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(crate) struct Part {
    state: Arc<State>,
    /// Stopped when dropped.
    _task: Task,
}

#[derive(Debug, Default)]
struct State {
    /// In a row.
    panics: AtomicU32,
    rests: AtomicBool,
    ended: AtomicBool,
}

impl Part {
    /// Runs what `make` makes, until that ends by itself or the engine is told to leave.
    pub(crate) fn start<F>(
        name: &'static str,
        clock: Arc<dyn Clock>,
        phase: watch::Receiver<Phase>,
        make: impl Fn() -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let state = Arc::new(State::default());
        let told = Arc::clone(&state);
        let task = task::start(async move {
            supervise(name, &*clock, phase, make, &told).await;
            told.ended.store(true, Ordering::Relaxed);
        });
        Self { state, _task: task }
    }

    pub(crate) fn health(&self, leaving: bool) -> PartHealth {
        if self.state.ended.load(Ordering::Relaxed) {
            return PartHealth::Stopped;
        }
        if self.state.rests.load(Ordering::Relaxed) {
            let panics = self.state.panics.load(Ordering::Relaxed);
            return PartHealth::Restarting { panics };
        }
        if leaving {
            return PartHealth::Leaving;
        }
        PartHealth::Running
    }
}

async fn supervise<F>(
    name: &'static str,
    clock: &dyn Clock,
    mut phase: watch::Receiver<Phase>,
    make: impl Fn() -> F,
    state: &State,
) where
    F: Future<Output = ()>,
{
    let mut waits = waits();
    loop {
        let began = clock.monotonic();
        let run = AssertUnwindSafe(async { make().await });
        if run.catch_unwind().await.is_ok() {
            return;
        }
        if clock.monotonic().saturating_sub(began) >= FORGIVEN {
            waits = self::waits();
            state.panics.store(0, Ordering::Relaxed);
        }
        let panics = state.panics.fetch_add(1, Ordering::Relaxed) + 1;
        let wait = waits.next().unwrap_or_default();
        tracing::error!(
            part = name,
            panics,
            ?wait,
            "a part of the engine panicked, and is started again; what it had in flight is found as \
             interrupted when its leases have run out"
        );
        state.rests.store(true, Ordering::Relaxed);
        tokio::select! {
            biased;
            _ = phase.wait_for(|phase| *phase == Phase::Draining) => return,
            () = clock.sleep(wait) => {}
        }
        state.rests.store(false, Ordering::Relaxed);
    }
}

fn waits() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        .with_max_delay(Duration::from_secs(30))
        .without_max_times()
        .build()
}
