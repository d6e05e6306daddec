use std::{fmt, future::Future, sync::Arc};

/// Tells an engine that a store has work for it. Without it the work is found at the next poll,
/// within 250 ms by default.
#[derive(Clone)]
#[must_use = "the engine finds the work later without it: `wake.after(tx.commit()).await`"]
pub struct Wake {
    ring: Arc<dyn Fn() + Send + Sync>,
}

impl Wake {
    /// Wakes an engine by calling `ring`, which must not block.
    pub fn new(ring: impl Fn() + Send + Sync + 'static) -> Self {
        Self {
            ring: Arc::new(ring),
        }
    }

    /// Waits for the commit of the host's transaction, and wakes the engine if it succeeded.
    ///
    /// # Errors
    /// Those of the commit.
    pub async fn after<T, E>(&self, commit: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let committed = commit.await?;
        self.now();
        Ok(committed)
    }

    /// Wakes the engine.
    pub fn now(&self) {
        (self.ring)();
    }
}

impl fmt::Debug for Wake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wake").finish_non_exhaustive()
    }
}
