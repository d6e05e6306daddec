use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use metrics::{counter, gauge};
use signalbus_core::{
    clock::{Clock, SystemClock},
    limit::{Ask, LimitError, Limiter, MemoryLimiter, Slots, check_asks},
};

use crate::{
    chain::Chain,
    engine::metrics::{describe_limits, names},
};

/// How long the shared limiter is left alone after it failed.
const AGAIN: Duration = Duration::from_secs(1);

/// A shared limiter that may be away: while it is, this process holds its own share of each limit, one
/// part of as many as there are processes.
///
/// So a limit is never exceeded by what is away, except where one turns into the other: what each
/// process had not used of its own burst, and once more the shared burst. Fewer processes than were
/// said use less than the limit, more of them more: say how many there may be at most.
///
/// Comes back by itself, within a second of the shared one. The gauge
/// [`LIMITER_LOCAL`](crate::metrics::names::LIMITER_LOCAL) says which is held.
#[derive(Debug)]
pub struct LocalShare {
    shared: Arc<dyn Limiter>,
    local: MemoryLimiter,
    clock: Arc<dyn Clock>,
    processes: u32,
    deadline: Duration,
    away: Mutex<Option<Away>>,
}

/// The shared limiter is away.
#[derive(Debug, Clone, Copy)]
struct Away {
    /// When somebody may ask it again, on the monotonic clock.
    again: Duration,
}

impl LocalShare {
    /// The shared limiter, and how many processes share it at most; at least one.
    #[must_use]
    pub fn new(shared: impl Limiter, processes: u32) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        describe_limits();
        gauge!(names::LIMITER_LOCAL).set(0.0);
        Self {
            shared: Arc::new(shared),
            local: MemoryLimiter::with_clock(Arc::clone(&clock)),
            clock,
            processes: processes.max(1),
            deadline: Duration::from_millis(500),
            away: Mutex::default(),
        }
    }

    /// Sets how long the shared limiter may take before it counts as away; 500 ms unless set.
    #[must_use]
    pub fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Sets the clock; the operating system's unless set.
    #[must_use]
    pub fn with_clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.local = MemoryLimiter::with_clock(Arc::clone(&clock));
        self.clock = clock;
        self
    }

    /// Whether this process holds its own share now.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.away().is_some()
    }

    /// Whether the shared limiter is to be asked: always while it is there, and by one at a time when
    /// it was away.
    fn try_shared(&self) -> bool {
        let now = self.clock.monotonic();
        match &mut *self.away() {
            None => true,
            Some(away) if away.again <= now => {
                away.again = now + self.deadline + AGAIN;
                true
            }
            Some(_) => false,
        }
    }

    fn answered(&self) {
        if self.away().take().is_some() {
            tracing::info!("limits are shared again");
            gauge!(names::LIMITER_LOCAL).set(0.0);
        }
    }

    fn failed(&self, error: Option<&LimitError>) {
        let kind = if error.is_some() { "error" } else { "late" };
        counter!(names::LIMITER_ERRORS, "kind" => kind).increment(1);
        let again = self.clock.monotonic() + AGAIN;
        if self.away().replace(Away { again }).is_none() {
            let error = error.map(|error| Chain(error).to_string());
            let error = error.unwrap_or_else(|| "no answer in time".to_owned());
            tracing::warn!(
                error,
                processes = self.processes,
                "the shared limiter is away: this process holds its own share of each limit"
            );
            gauge!(names::LIMITER_LOCAL).set(1.0);
        }
    }

    fn share_of(&self, ask: &Ask) -> Slots {
        let mut ask = ask.clone();
        ask.limit = ask.limit.share(self.processes);
        self.local.take_one(ask)
    }

    fn away(&self) -> std::sync::MutexGuard<'_, Option<Away>> {
        self.away.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Limiter for LocalShare {
    async fn take(&self, asks: Vec<Ask>) -> Result<Vec<Slots>, LimitError> {
        check_asks(&asks)?;
        if self.try_shared() {
            let shared = tokio::select! {
                biased;
                answer = self.shared.take(asks.clone()) => Some(answer),
                () = self.clock.sleep(self.deadline) => None,
            };
            match shared {
                Some(Ok(slots)) => {
                    self.answered();
                    return Ok(slots);
                }
                Some(Err(error)) => self.failed(Some(&error)),
                None => self.failed(None),
            }
        }
        Ok(asks.iter().map(|ask| self.share_of(ask)).collect())
    }
}
