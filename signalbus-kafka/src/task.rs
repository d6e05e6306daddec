//! The one place that starts tasks and measures real time: deadlines of calls are those of the
//! network, whatever clock the engine goes by.

use std::{future::Future, time::Duration};

use tokio::task::JoinHandle;

use crate::error::Failure;

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Running(JoinHandle<()>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs `future` on the current tokio runtime until the answer is dropped.
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub(crate) fn start(future: impl Future<Output = ()> + Send + 'static) -> Running {
    Running(tokio::spawn(future))
}

/// Runs `future` to its end. Only for what is short, or ends with what it works for.
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub(crate) fn detached(future: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(future);
}

/// What comes of `future`, or [`Failure::Deadline`] when it takes longer than `limit`; then it is
/// dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "a deadline on the network is real time"
)]
pub(crate) async fn within<T, E: Into<Failure>>(
    limit: Duration,
    future: impl Future<Output = Result<T, E>>,
) -> Result<T, Failure> {
    match tokio::time::timeout(limit, future).await {
        Ok(done) => done.map_err(Into::into),
        Err(_) => Err(Failure::Deadline),
    }
}

/// Waits in real time. Cancel safe.
#[expect(clippy::disallowed_methods, reason = "a pause between two tries")]
pub(crate) async fn pause(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// A point in real time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment(std::time::Instant);

impl Moment {
    /// Now.
    #[expect(
        clippy::disallowed_methods,
        reason = "latencies and ages are real time"
    )]
    pub(crate) fn now() -> Self {
        Self(std::time::Instant::now())
    }

    /// How long ago it was.
    pub(crate) fn age(self) -> Duration {
        self.0.elapsed()
    }
}

/// Pauses that grow from 50 ms to two seconds.
#[derive(Debug)]
pub(crate) struct Pauses(Duration);

impl Pauses {
    const FIRST: Duration = Duration::from_millis(50);
    const LONGEST: Duration = Duration::from_secs(2);

    pub(crate) fn new() -> Self {
        Self(Self::FIRST)
    }

    /// It went well: starts over.
    pub(crate) fn reset(&mut self) {
        self.0 = Self::FIRST;
    }

    /// Waits, longer each time.
    pub(crate) async fn wait(&mut self) {
        let now = self.0;
        self.0 = (now * 2).min(Self::LONGEST);
        pause(now).await;
    }
}
