//! The one place that starts tasks: work that blocks, and goodbyes.

use std::panic;

use signalbus_core::provider::{Fault, SendError};

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

/// Runs `future` to its end on the current tokio runtime. Only for what is short or ends with what
/// it works for.
#[cfg(feature = "smtp")]
#[expect(clippy::disallowed_methods, reason = "the one place that starts tasks")]
pub(crate) fn detached(future: impl Future<Output = ()> + Send + 'static) {
    tokio::spawn(future);
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use futures::FutureExt;
    use signalbus_core::provider::Outcome;

    use super::*;

    #[tokio::test]
    async fn a_panic_goes_on_in_the_caller() {
        let work = blocking(|| -> () { panic!("a bug") });
        let panic = AssertUnwindSafe(work).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"a bug"));
    }

    #[test]
    fn work_that_a_shutdown_kept_from_beginning_is_retryable() {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        let _inside = handle.enter();
        let error = blocking(|| ()).now_or_never().unwrap().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Retryable);
        assert_eq!(error.fault(), Fault::Provider);
    }
}
