//! The one place that starts tasks. No task outlives what it works for.

use std::future::Future;

use tokio::task::{JoinHandle, JoinSet};

/// Starts `future` on the current tokio runtime, until it ends or the handle is dropped.
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub(crate) fn start(future: impl Future<Output = ()> + Send + 'static) -> Task {
    Task(tokio::spawn(future))
}

/// A running task; dropping it stops the task at its next await.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Tasks that each give one result; dropping it stops them all.
#[derive(Debug)]
pub(crate) struct Tasks<T>(JoinSet<T>);

impl<T: Send + 'static> Tasks<T> {
    pub(crate) fn new() -> Self {
        Self(JoinSet::new())
    }

    pub(crate) fn start(&mut self, future: impl Future<Output = T> + Send + 'static) {
        self.0.spawn(future);
    }

    /// A result that is there already.
    pub(crate) fn try_next(&mut self) -> Option<T> {
        loop {
            match self.0.try_join_next()? {
                Ok(result) => return Some(result),
                Err(_) => continue,
            }
        }
    }

    /// Waits for a result; none when no task runs. Cancel safe.
    pub(crate) async fn next(&mut self) -> Option<T> {
        loop {
            match self.0.join_next().await? {
                Ok(result) => return Some(result),
                Err(_) => continue,
            }
        }
    }

    /// Stops all tasks at their next await; their results are lost.
    pub(crate) fn abort_all(&mut self) {
        // Dropping a set aborts its tasks.
        self.0 = JoinSet::new();
    }
}
