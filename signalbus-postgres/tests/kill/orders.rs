//! What a child is told to do, and where to die.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::json;
use signalbus::{Event, Idempotency, Recipient};

use crate::provider::Line;

/// The environment variable that carries them, as JSON.
pub(crate) const ORDERS: &str = "SIGNALBUS_TEST_KILL_ORDERS";

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Orders {
    /// Where the book and the answers are.
    pub(crate) directory: PathBuf,
    /// Where the tables are.
    pub(crate) schema: String,
    pub(crate) job: Job,
    pub(crate) die: Option<Point>,
    pub(crate) at_most_once: bool,
    /// The provider refuses everything for good.
    pub(crate) refuse: bool,
    pub(crate) slots: usize,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Publishes so many messages, numbered from zero, and sends none.
    Publish(usize),
    /// Publishes one together with a row of the host, in the host's transaction.
    PublishInTransaction,
    /// Sends until there is nothing to do.
    Send,
    /// Sends until it is killed.
    Stay,
    /// Starts to send, and shuts down while sends are in flight.
    ShutDown,
    /// Redrives all that is dead, five at a time.
    RedriveAll,
    /// Redrives all that is dead, by id and generation, in one call.
    RedriveGeneration(u32),
}

/// Where a child kills itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Point {
    BeforeHostCommit,
    AfterHostCommit,
    AfterAccept,
    AfterClaim,
    BeforeRequest,
    AfterRequest,
    AfterSettle,
    BetweenRedrives,
    AfterRedrive,
    /// After the first result that is written while the engine shuts down.
    InShutdown,
    /// Whenever message number [`POISON`] was handed over.
    OnPoison,
}

/// The message that kills whoever sends it, under [`Point::OnPoison`].
pub(crate) const POISON: usize = 0;

/// Message `number`: always the same key and content.
pub(crate) fn message(number: usize) -> Event {
    Event::new("test.line", Idempotency::key(format!("message-{number}")))
        .to(Recipient::new().on::<Line>(format!("somebody-{number}")))
        .data(json!({ "number": number }))
}

impl Point {
    /// Dies, if this is the point.
    pub(crate) fn reached(self, die: Option<Self>) {
        if die == Some(self) {
            kill_myself();
        }
    }
}

fn kill_myself() -> ! {
    use rustix::process::{Signal, getpid, kill_process};
    kill_process(getpid(), Signal::KILL).unwrap();
    // The signal ends this thread before the call returns; should it not, nothing else may run.
    loop {
        std::thread::park();
    }
}
