use signalbus_core::{Event, Prepare, PublishError, Published, Wake};
use sqlx::SqliteConnection;

use crate::SqliteStore;

impl SqliteStore {
    /// Publishes one event in a transaction of the host's: it is sent if that commits, and never
    /// was if it rolls back (promise P1). Hand the commit to the [`Wake`], so that the engine
    /// looks at once: `wake.after(tx.commit()).await?`.
    ///
    /// # Errors
    /// [`PublishError::Invalid`] when the event itself is wrong. After [`PublishError::Store`] roll the transaction back.
    pub async fn publish_in(
        &self,
        publisher: &impl Prepare,
        connection: &mut SqliteConnection,
        event: Event,
    ) -> Result<(Published, Wake), PublishError> {
        let (event, published) = publisher.prepare(event)?.into_parts();
        let acceptances = self.accept_in(connection, vec![event]).await?;
        let published = match acceptances.first() {
            Some(acceptance) => publisher.answer(published, acceptance),
            None => published,
        };
        Ok((published, publisher.wake()))
    }
}
