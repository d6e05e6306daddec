use std::{future::Future, sync::Arc};

use crate::bell::Bell;

/// Tells this process's engine that the host's transaction was committed. Without it the work is
/// found at the next poll, within 250 ms by default.
#[derive(Debug, Clone)]
#[must_use = "the engine finds the work later without it: `wake.after(tx.commit()).await`"]
pub struct Wake {
    engine: Arc<Bell>,
}

impl Wake {
    pub(crate) fn new(engine: Arc<Bell>) -> Self {
        Self { engine }
    }

    /// Waits for the commit, and wakes the engine if it succeeded.
    ///
    /// # Errors
    /// Those of the commit.
    pub async fn after<T, E>(self, commit: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let committed = commit.await?;
        self.now();
        Ok(committed)
    }

    /// Wakes the engine.
    pub fn now(self) {
        self.engine.ring();
    }
}
