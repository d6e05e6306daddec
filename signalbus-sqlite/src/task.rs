//! The one place that starts tasks.

use std::future::Future;

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
