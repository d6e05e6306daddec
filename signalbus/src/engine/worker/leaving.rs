//! How long a worker that leaves waits for a store that does not answer.

use std::{sync::Arc, time::Duration};

use tokio::sync::watch;

use super::{Phase, Worker};
use crate::{
    clock::Clock,
    store::{StoreError, StoreErrorKind},
};

/// How long the store may take for what is written when the time of a shutdown is up.
const LAST_WRITES: Duration = Duration::from_secs(3);

/// How long results are tried to be written when no provider has anything in hand any more. What is not written by then
/// is found as interrupted, as after a crash: so it is worth a wait, and not the whole time of a shutdown.
const UNWRITTEN: Duration = Duration::from_secs(5);

/// How long a worker that leaves waits for a call that only helps others.
const COURTESY: Duration = Duration::from_secs(2);

/// Waits until a worker has taken longer to leave than it may: for what providers have in hand, as long as it says
/// in `leave_by`, and for the store a little longer.
pub(super) async fn is_late(
    clock: Arc<dyn Clock>,
    mut phase: watch::Receiver<Phase>,
    mut leave_by: watch::Receiver<Option<Duration>>,
    drain: Duration,
) {
    // Without a sender the work ends by itself.
    let _ = phase.wait_for(|phase| *phase == Phase::Draining).await;
    // Until the worker says so itself.
    let at_most = clock.monotonic().saturating_add(drain);
    loop {
        let by = leave_by.borrow_and_update().unwrap_or(at_most);
        let by = by.saturating_add(LAST_WRITES);
        let told = async {
            if leave_by.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = told => {}
            () = clock.sleep(by.saturating_sub(clock.monotonic())) => return,
        }
    }
}

impl Worker {
    pub(super) fn is_leaving(&self) -> bool {
        *self.phase.borrow() == Phase::Draining
    }

    /// Says by when results must be written: by the deadline of the shutdown, and soon when nothing is in a provider's
    /// hands that could be waited for, and the store was not `heard` of since it was asked last.
    pub(super) fn leave_by(&self, deadline: Duration, heard: &mut Duration) {
        let soon = self.monotonic().saturating_add(UNWRITTEN).min(deadline);
        let (_, answered) = self.store_time;
        let silent = std::mem::replace(heard, answered) == answered;
        let idle = self.in_flight.is_empty();
        self.leave_by.send_if_modified(|by| {
            let wanted = match *by {
                // The time runs since the last send came back, or the last call.
                Some(by) if idle && silent => by.min(soon),
                _ if idle => soon,
                _ => deadline,
            };
            let changed = *by != Some(wanted);
            *by = Some(wanted);
            changed
        });
    }

    /// A call that a worker gives up soon when it leaves: it changes nothing that anybody rests on.
    pub(super) async fn unless_leaving<T>(
        &self,
        call: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let mut phase = self.phase.clone();
        let left = async {
            // Without a sender nobody waits for us to leave.
            if phase
                .wait_for(|phase| *phase == Phase::Draining)
                .await
                .is_err()
            {
                std::future::pending::<()>().await;
            }
            self.shared.clock.sleep(COURTESY).await;
        };
        tokio::select! {
            biased;
            answer = call => answer,
            () = left => Err(StoreError::new(
                StoreErrorKind::Unavailable,
                "the engine leaves, and waits no longer for the store",
            )),
        }
    }
}
