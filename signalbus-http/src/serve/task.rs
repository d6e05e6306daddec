//! The one place that starts tasks and sleeps in real time: connections are those of the network,
//! whatever clock the API goes by.

use std::time::Duration;

/// Starts `future` on the current tokio runtime.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that starts tasks: a connection lives beside the others"
)]
pub(super) fn start(future: impl Future<Output = ()> + Send + 'static) {
    drop(tokio::spawn(future));
}

/// Waits in real time. Cancel safe.
#[expect(
    clippy::disallowed_methods,
    reason = "a deadline on the network is real time"
)]
pub(super) async fn pause(time: Duration) {
    tokio::time::sleep(time).await;
}
