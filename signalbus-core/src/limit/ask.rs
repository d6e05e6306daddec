use std::{collections::BTreeSet, time::Duration};

use super::{Limit, LimitError, LimitErrorKind, LimitKey, rule};

/// What is asked of a [`Limiter`](super::Limiter).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ask {
    /// Whose limit.
    pub key: LimitKey,
    /// Which limit.
    pub limit: Limit,
    /// How many units at most: what does not fit is not granted. Zero only looks.
    pub units: u32,
    /// For how long a slot may be ahead. Zero takes only what may be used now.
    pub patience: Duration,
}

impl Ask {
    /// One unit, now or not at all: for who can turn somebody away.
    #[must_use]
    pub fn now(key: LimitKey, limit: Limit) -> Self {
        Self {
            key,
            limit,
            units: 1,
            patience: Duration::ZERO,
        }
    }

    /// A look: takes nothing, and says when the next unit could be had.
    #[must_use]
    pub fn look(key: LimitKey, limit: Limit) -> Self {
        Self::now(key, limit).with_units(0)
    }

    /// Sets how many units at most; at most 100,000.
    #[must_use]
    pub fn with_units(mut self, units: u32) -> Self {
        self.units = units.min(rule::MOST);
        self
    }

    /// Sets how far ahead a slot may be; at most a day.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience.min(Duration::from_secs(86_400));
        self
    }
}

/// Refuses a batch that no limiter answers; for implementers.
///
/// # Errors
/// [`LimitErrorKind::Invalid`] when a key is asked for twice.
pub fn check_asks(asks: &[Ask]) -> Result<(), LimitError> {
    let keys: BTreeSet<&LimitKey> = asks.iter().map(|ask| &ask.key).collect();
    if keys.len() < asks.len() {
        let problem = "a key is asked for twice in one call: ask for the sum";
        return Err(LimitError::new(LimitErrorKind::Invalid, problem));
    }
    Ok(())
}
