use std::{error::Error, fmt};

use crate::{bus::BusError, store::StoreError, text::one_line};

const LONGEST_FIELD: usize = 100;
const LONGEST_PROBLEM: usize = 500;

/// Why an event was not published. `Display` says what is wrong; `source` has what lies below it.
#[derive(Debug)]
#[non_exhaustive]
pub enum PublishError {
    /// The event itself is wrong: mend it.
    Invalid(InvalidEvent),
    /// The store did not take it: try again with the same idempotency key.
    Store(StoreError),
    /// The bus did not take it: try again with the same idempotency key.
    Bus(BusError),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => write!(f, "the event cannot be published: {error}"),
            Self::Store(error) => write!(f, "the store did not take the event: {error}"),
            Self::Bus(error) => write!(f, "the bus did not take the event: {error}"),
        }
    }
}

impl Error for PublishError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Invalid(error) => error.source(),
            Self::Store(error) => error.source(),
            Self::Bus(error) => error.source(),
        }
    }
}

impl From<InvalidEvent> for PublishError {
    fn from(error: InvalidEvent) -> Self {
        Self::Invalid(error)
    }
}

impl From<StoreError> for PublishError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<BusError> for PublishError {
    fn from(error: BusError) -> Self {
        Self::Bus(error)
    }
}

impl PublishError {
    /// Whether the same publish may succeed later.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Invalid(_) => false,
            Self::Store(error) => error.is_transient(),
            Self::Bus(error) => error.is_transient(),
        }
    }
}

/// What is wrong with an event. Names the field, never its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InvalidEvent {
    field: String,
    problem: String,
}

impl InvalidEvent {
    /// Names a field and its problem, never its value. Both may carry names that the publisher chose, so they are made fit for a log.
    #[must_use]
    pub fn new(field: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            field: one_line(field.into(), LONGEST_FIELD),
            problem: one_line(problem.into(), LONGEST_PROBLEM),
        }
    }

    /// The field, such as `to[2].locale`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// What is wrong with it and what to do.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }
}

impl fmt::Display for InvalidEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.problem)
    }
}

impl Error for InvalidEvent {}
