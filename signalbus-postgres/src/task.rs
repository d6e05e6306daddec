//! The one place that starts tasks and measures real time: deadlines of calls are those of the
//! network, whatever clock the store goes by.

use std::{future::Future, time::Duration};

use tokio::task::JoinHandle;

/// Starts `future` on the current tokio runtime: it runs to its end even when whoever waits for
/// it goes away.
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub(crate) fn start<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future<Output: Send + 'static> + Send + 'static,
{
    tokio::spawn(future)
}

/// What comes of `future`, or nothing when it takes longer than `limit`; then it is dropped.
#[expect(
    clippy::disallowed_methods,
    reason = "a deadline on the network is real time"
)]
pub(crate) async fn within<F: Future>(limit: Duration, future: F) -> Option<F::Output> {
    tokio::time::timeout(limit, future).await.ok()
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
        reason = "ages of connections are real time"
    )]
    pub(crate) fn now() -> Self {
        Self(std::time::Instant::now())
    }

    /// How long ago it was.
    pub(crate) fn age(self) -> Duration {
        self.0.elapsed()
    }
}
