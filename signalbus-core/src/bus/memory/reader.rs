use std::{fmt, sync::Arc};

use tokio::sync::watch;

use super::{
    super::{Batch, BusError},
    Shared, State,
};

/// One member of a group on one topic.
pub(super) struct Reader {
    pub(super) shared: Arc<Shared>,
    pub(super) topic: String,
    pub(super) group: String,
    news: watch::Receiver<()>,
}

impl Reader {
    pub(super) fn new(shared: &Arc<Shared>, topic: &str, group: &str) -> Self {
        Self {
            news: shared.news.subscribe(),
            shared: Arc::clone(shared),
            topic: topic.to_owned(),
            group: group.to_owned(),
        }
    }

    /// Waits until `read` finds something.
    pub(super) async fn wait(
        &mut self,
        mut read: impl FnMut(&mut State) -> Batch,
    ) -> Result<Batch, BusError> {
        loop {
            self.news.mark_unchanged();
            let batch = read(&mut *self.shared.open()?);
            if !batch.delivered.is_empty() || !batch.troubles.is_empty() {
                return Ok(batch);
            }
            // The sender is alive: `shared` has it.
            let _ = self.news.changed().await;
        }
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader")
            .field("topic", &self.topic)
            .field("group", &self.group)
            .finish_non_exhaustive()
    }
}
