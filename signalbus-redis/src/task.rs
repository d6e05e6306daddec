//! The one place that starts tasks and measures real time: deadlines of calls are those of the
//! network, whatever clock the engine goes by.

use std::{future::Future, time::Duration};

/// Runs `future` on the current tokio runtime to its end.
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub(crate) fn detached(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

/// The same, until the handle is dropped.
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub(crate) fn held(future: impl Future<Output = ()> + Send + 'static) -> Held {
    Held(tokio::spawn(future))
}

/// A task that is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Held(tokio::task::JoinHandle<()>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// What comes of `future`; none when it takes longer than `limit`: then it is dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "a deadline on the network is real time"
)]
pub(crate) async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, future).await.ok()
}

/// Waits in real time. Cancel safe.
#[expect(clippy::disallowed_methods, reason = "a pause between two tries")]
pub(crate) async fn pause(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Says at most once in a while that it is time.
#[derive(Debug)]
pub(crate) struct Every {
    pause: Duration,
    last: Option<std::time::Instant>,
}

impl Every {
    /// Due at once, and then after each `pause`.
    pub(crate) fn new(pause: Duration) -> Self {
        Self { pause, last: None }
    }

    /// Whether it is time; then it is not until the next pause is over.
    #[expect(
        clippy::disallowed_methods,
        reason = "pauses on the network are real time"
    )]
    pub(crate) fn is_due(&mut self) -> bool {
        let now = std::time::Instant::now();
        let due = self.last.is_none_or(|last| now - last >= self.pause);
        if due {
            self.last = Some(now);
        }
        due
    }
}
