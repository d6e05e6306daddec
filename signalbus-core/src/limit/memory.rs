use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use super::{Ask, Level, LimitError, LimitKey, Limiter, Slots, check_asks, rule::micros};
use crate::clock::{Clock, SystemClock};

/// Beyond this many keys those that are full again are forgotten.
const MANY: usize = 10_000;

/// A limiter for one process. Never unavailable.
#[derive(Debug)]
pub struct MemoryLimiter {
    clock: Arc<dyn Clock>,
    levels: Mutex<HashMap<LimitKey, Level>>,
}

impl MemoryLimiter {
    /// On the clock of the operating system.
    #[must_use]
    pub fn new() -> Self {
        Self::with_clock(Arc::new(SystemClock::new()))
    }

    /// On this clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            levels: Mutex::default(),
        }
    }

    /// Answers one ask at once.
    pub fn take_one(&self, ask: Ask) -> Slots {
        let now = micros(self.clock.monotonic());
        let mut levels = self.levels.lock().unwrap_or_else(PoisonError::into_inner);
        if levels.len() >= MANY && !levels.contains_key(&ask.key) {
            levels.retain(|_, level| level.full_at > now);
        }
        if ask.units == 0 {
            let mut level = levels.get(&ask.key).copied().unwrap_or_default();
            return level.take(&ask, now);
        }
        levels.entry(ask.key.clone()).or_default().take(&ask, now)
    }
}

impl Default for MemoryLimiter {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl Limiter for MemoryLimiter {
    async fn take(&self, asks: Vec<Ask>) -> Result<Vec<Slots>, LimitError> {
        check_asks(&asks)?;
        Ok(asks.into_iter().map(|ask| self.take_one(ask)).collect())
    }
}
