//! The one place that starts tasks. No task outlives what it works for.

use std::{
    future::Future,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::{sync::Notify, task::JoinHandle};

/// Starts `future` on the current tokio runtime, until it ends or the handle is dropped.
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub(crate) fn start(future: impl Future<Output = ()> + Send + 'static) -> Task {
    Task(tokio::spawn(future))
}

/// Waits for as long as a call of a store that is near may take, in real time.
#[expect(
    clippy::disallowed_methods,
    reason = "what is waited for is done by others, in real time"
)]
pub(crate) async fn moment() {
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
}

/// A running task; dropping it stops the task at its next await.
#[derive(Debug)]
pub(crate) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Results of tasks, on their way to the one that waits for them.
#[derive(Debug)]
pub(crate) struct Results<T> {
    done: Mutex<Vec<T>>,
    some: Notify,
}

impl<T> Results<T> {
    pub(crate) fn new() -> Self {
        Self {
            done: Mutex::new(Vec::new()),
            some: Notify::new(),
        }
    }

    pub(crate) fn put(&self, result: T) {
        let mut done = self.lock();
        done.push(result);
        let first = done.len() == 1;
        drop(done);
        if first {
            self.some.notify_one();
        }
    }

    /// Puts what is there into `room`, which is empty.
    pub(crate) fn take(&self, room: &mut Vec<T>) {
        std::mem::swap(&mut *self.lock(), room);
    }

    /// Waits until there is a result. Cancel safe.
    pub(crate) async fn some(&self) {
        while self.lock().is_empty() {
            self.some.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<T>> {
        self.done.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::{future::pending, sync::Arc};

    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn every_result_is_taken_once_and_announced() {
        let results = Results::new();
        let mut taken = Vec::new();
        assert_eq!(results.some().now_or_never(), None, "there is none");
        results.put(1);
        results.put(2);
        results.some().await;
        results.take(&mut taken);
        assert_eq!(taken, [1, 2]);
        taken.clear();
        // What was announced before says nothing of now.
        assert_eq!(
            results.some().now_or_never(),
            None,
            "there is none any more"
        );
        results.put(3);
        results.some().await;
        results.take(&mut taken);
        assert_eq!(taken, [3]);
    }

    #[tokio::test]
    async fn a_dropped_task_stops() {
        let held = Arc::new(());
        let of_task = Arc::clone(&held);
        let task = start(async move {
            let _of_task = of_task;
            pending::<()>().await;
        });
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 2);
        drop(task);
        tokio::task::yield_now().await;
        assert_eq!(Arc::strong_count(&held), 1);
    }
}
