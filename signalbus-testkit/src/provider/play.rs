use std::{fmt, sync::Arc, time::Duration};

use signalbus_core::provider::{Fault, Outcome, SendError};

/// What a [`ScriptedProvider`](super::ScriptedProvider) does when it is called.
///
/// ```
/// use std::time::Duration;
/// use signalbus::provider::{Fault, SendError};
/// use signalbus_testkit::provider::Play;
///
/// let slow = Play::accept().after(Duration::from_secs(20));
/// let busy = Play::fail(|| {
///     SendError::retryable(Fault::Quota, "slow down").with_retry_after(Duration::from_secs(30))
/// });
/// ```
#[derive(Clone)]
pub struct Play {
    pub(super) starts: bool,
    pub(super) takes: bool,
    pub(super) wait: Wait,
    pub(super) waits_first: bool,
    pub(super) then: Then,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Wait {
    For(Duration),
    Released,
    Forever,
}

#[derive(Clone)]
pub(super) enum Then {
    Accept { id: Option<String>, named: bool },
    Fail(Arc<dyn Fn() -> SendError + Send + Sync>),
    Panic,
}

impl Play {
    /// Takes the message and gives it an id of its own.
    #[must_use]
    pub fn accept() -> Self {
        Self::new(
            true,
            Then::Accept {
                id: None,
                named: true,
            },
        )
    }

    /// Takes the message and gives it this id.
    #[must_use]
    pub fn accept_with_id(id: impl Into<String>) -> Self {
        let id = Some(id.into());
        Self::new(true, Then::Accept { id, named: true })
    }

    /// Takes the message and gives it no id.
    #[must_use]
    pub fn accept_without_id() -> Self {
        let id = None;
        Self::new(true, Then::Accept { id, named: false })
    }

    /// Answers with this error. The message is not taken, unless the error says that this is
    /// unknown: then it is, the worse case of the two; see [`Play::untaken`].
    #[must_use]
    pub fn fail(error: impl Fn() -> SendError + Send + Sync + 'static) -> Self {
        let takes = error().outcome() == Outcome::Unknown;
        Self::new(takes, Then::Fail(Arc::new(error)))
    }

    /// Refuses it for now, through this fault.
    #[must_use]
    pub fn retryable(fault: Fault) -> Self {
        Self::fail(move || SendError::retryable(fault, "refused for now, as the script says"))
    }

    /// Refuses it for good, through this fault.
    #[must_use]
    pub fn permanent(fault: Fault) -> Self {
        Self::fail(move || SendError::permanent(fault, "refused for good, as the script says"))
    }

    /// Takes the message, and then the connection breaks before the answer is read.
    #[must_use]
    pub fn cut() -> Self {
        Self::fail(|| SendError::unknown("the connection broke before the answer came"))
    }

    /// The connection breaks before the request is started.
    #[must_use]
    pub fn cut_before_start() -> Self {
        Self::fail(|| SendError::retryable(Fault::Provider, "the connection was refused"))
            .unreported()
    }

    /// Takes the message, and does not answer until
    /// [`ScriptedProvider::release`](super::ScriptedProvider::release).
    #[must_use]
    pub fn stall() -> Self {
        Self::accept().waiting(Wait::Released)
    }

    /// Takes the message and never answers.
    #[must_use]
    pub fn hang() -> Self {
        Self::accept().waiting(Wait::Forever)
    }

    /// Panics before the request is started.
    #[must_use]
    pub fn panic_before_start() -> Self {
        Self::new(false, Then::Panic).unreported()
    }

    /// Takes the message and panics.
    #[must_use]
    pub fn panic_after_start() -> Self {
        Self::new(true, Then::Panic)
    }

    /// The answer comes this long after the request was started, by the provider's clock.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        self.waiting(Wait::For(wait))
    }

    /// What it waits for, it waits for before the request is started.
    #[must_use]
    pub fn before_start(mut self) -> Self {
        self.waits_first = true;
        self
    }

    /// The request is lost on the way: nobody gets the message, whatever the answer.
    #[must_use]
    pub fn untaken(mut self) -> Self {
        self.takes = false;
        self
    }

    /// It does not report the start of the request.
    #[must_use]
    pub fn unreported(mut self) -> Self {
        self.starts = false;
        self
    }

    fn new(takes: bool, then: Then) -> Self {
        Self {
            starts: true,
            takes,
            wait: Wait::For(Duration::ZERO),
            waits_first: false,
            then,
        }
    }

    fn waiting(mut self, wait: Wait) -> Self {
        self.wait = wait;
        self
    }
}

impl fmt::Debug for Play {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let then = match &self.then {
            Then::Accept { .. } => "accept",
            Then::Fail(_) => "fail",
            Then::Panic => "panic",
        };
        f.debug_struct("Play")
            .field("starts", &self.starts)
            .field("takes", &self.takes)
            .field("wait", &self.wait)
            .field("then", &then)
            .finish_non_exhaustive()
    }
}
