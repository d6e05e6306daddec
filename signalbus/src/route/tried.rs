use std::time::Duration;

use crate::provider::{Fault, Outcome};

/// What came of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tried {
    /// The provider took it.
    Accepted,
    /// The provider answered, or was given up on.
    Failed {
        outcome: Outcome,
        fault: Fault,
        retry_after: Option<Duration>,
    },
    /// No message could be made of it.
    Unsendable(Unsendable),
    /// The provider panicked; whether a send may have been caused.
    Panicked { started: bool },
    /// The worker died before it wrote the result; whether nothing else was in flight.
    Interrupted { alone: bool },
    /// It may have been sent, and the provider will know after this time; whether a send was begun now.
    Unclear { wait: Duration, began: bool },
    /// Nothing was tried: the worker is leaving, or the event is of a newer version.
    Returned { wait: Duration },
}

impl Tried {
    /// Whether the request left and no answer came.
    pub(crate) fn is_unknown(self) -> bool {
        matches!(
            self,
            Self::Failed {
                outcome: Outcome::Unknown,
                ..
            } | Self::Panicked { started: true }
                | Self::Unclear { began: true, .. }
        )
    }
}

/// Why no message could be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unsendable {
    Render,
    Compose,
    Address,
    Unreadable,
    /// Its recipient was erased.
    Erased,
    /// What it was to say is kept only until the event ends.
    SecretGone,
}
