use std::time::Duration;

use signalbus_core::clock::Clock;

/// What `future` gives, or none when it takes longer. What came in time counts.
pub(crate) async fn within<T>(
    clock: &dyn Clock,
    limit: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        done = future => Some(done),
        () = clock.sleep(limit) => None,
    }
}
