use std::{error::Error, fmt, time::Duration};

use serde::{Deserialize, Serialize};

use crate::store::{Cause, Scope, Suppress};

/// Why a try did not succeed, whether it may be tried again, and whose fault it was.
///
/// ```
/// use signalbus::provider::{Fault, SendError};
/// use std::time::Duration;
///
/// let error = SendError::retryable(Fault::Quota, "the provider asks to slow down")
///     .with_code("429")
///     .with_retry_after(Duration::from_secs(30));
/// assert_eq!(error.fault(), Fault::Quota);
/// ```
#[derive(Debug)]
pub struct SendError(Box<Inner>);

#[derive(Debug)]
struct Inner {
    outcome: Outcome,
    fault: Fault,
    message: String,
    code: Option<String>,
    retry_after: Option<Duration>,
    suppress: Option<Suppress>,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// What is known about the message after a try that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Certainly not sent; another try may succeed.
    Retryable,
    /// Will never be accepted.
    Permanent,
    /// The request left and no answer came.
    Unknown,
}

impl Outcome {
    /// The name in history and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Retryable => "retryable",
            Self::Permanent => "permanent",
            Self::Unknown => "unknown",
        }
    }
}

/// Whose fault it was. Only provider and quota faults open the circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The content: too long, not allowed.
    Message,
    /// The address: unknown, unreachable, opted out.
    Recipient,
    /// Credentials or settings: the provider is paused and its messages are kept.
    Configuration,
    /// A limit of the account.
    Quota,
    /// The provider or the way to it.
    Provider,
}

impl Fault {
    /// The name in history and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Recipient => "recipient",
            Self::Configuration => "configuration",
            Self::Quota => "quota",
            Self::Provider => "provider",
        }
    }
}

impl SendError {
    /// Certainly not sent: refused connection, DNS, TLS, 429, a 5xx documented as not processed.
    pub fn retryable(fault: Fault, message: impl Into<String>) -> Self {
        Self::new(Outcome::Retryable, fault, message)
    }

    /// Will never be accepted.
    pub fn permanent(fault: Fault, message: impl Into<String>) -> Self {
        Self::new(Outcome::Permanent, fault, message)
    }

    /// The request left and no answer came.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(Outcome::Unknown, Fault::Provider, message)
    }

    fn new(outcome: Outcome, fault: Fault, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            outcome,
            fault,
            message: message.into(),
            code: None,
            retry_after: None,
            suppress: None,
            source: None,
        }))
    }

    /// The provider's code, such as `550 5.1.1` or `21610`.
    #[must_use]
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.0.code = Some(code.into());
        self
    }

    /// The provider asked to wait this long.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Nothing should be sent to this address again: it is put on the suppression list.
    #[must_use]
    pub fn with_suppression(self) -> Self {
        self.suppressing(Cause::from("refused"), Scope::default())
    }

    /// The address is put on the suppression list for this cause, and what is in this scope is not
    /// sent to it any more.
    #[must_use]
    pub fn suppressing(mut self, cause: Cause, scope: Scope) -> Self {
        self.0.suppress = Some(Suppress { cause, scope });
        self
    }

    /// What caused it. It is logged at `debug`, without what looks like a URL, and never kept: the history has the
    /// message and the code alone.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// What is known about the message.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.0.outcome
    }

    /// Whose fault it was.
    #[must_use]
    pub fn fault(&self) -> Fault {
        self.0.fault
    }

    /// What went wrong, without the code; `Display` adds it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The provider's code.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// How long the provider asked to wait.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// Whether the address should be suppressed, and how.
    #[must_use]
    pub fn suppresses(&self) -> Option<&Suppress> {
        self.0.suppress.as_ref()
    }
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        match &self.0.code {
            Some(code) => write!(f, " ({code})"),
            None => Ok(()),
        }
    }
}

impl Error for SendError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0
            .source
            .as_deref()
            .map(|source| source as &(dyn Error + 'static))
    }
}
