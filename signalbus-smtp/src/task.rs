//! Work that blocks, away from the threads that run futures.

use std::panic;

use signalbus::provider::{Fault, SendError};

/// Runs `work` on tokio's threads for blocking work. When the future is dropped, work that has
/// begun goes on to its end and its result is dropped. A panic goes on in the caller.
///
/// # Errors
/// When the runtime shuts down before the work began.
pub(crate) async fn blocking<T, W>(work: W) -> Result<T, SendError>
where
    T: Send + 'static,
    W: FnOnce() -> T + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => Ok(done),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => panic::resume_unwind(panic),
            Err(_) => Err(SendError::retryable(
                Fault::Provider,
                "the runtime is shutting down",
            )),
        },
    }
}
