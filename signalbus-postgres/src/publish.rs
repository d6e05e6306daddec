use signalbus_core::{Event, InvalidEvent, Prepare, PublishError, Published, Wake};
use sqlx::PgConnection;

use crate::PostgresStore;

impl PostgresStore {
    /// Publishes one event in a transaction of the host's: it is sent if that commits, and never
    /// was if it rolls back (promise P1). Hand the commit to the [`Wake`], so that the engine
    /// looks at once: `wake.after(tx.commit()).await?`.
    ///
    /// # Errors
    /// [`PublishError::Invalid`] when the event itself is wrong. After [`PublishError::Store`] roll the
    /// transaction back.
    pub async fn publish_in(
        &self,
        publisher: &impl Prepare,
        connection: &mut PgConnection,
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

    /// Publishes many events in a transaction of the host's, in one statement, each for itself:
    /// one that is invalid, a duplicate or a conflict does not hold up the others. Answers are in
    /// the order of events.
    ///
    /// # Errors
    /// When the store did not take them: then roll the transaction back.
    pub async fn publish_all_in(
        &self,
        publisher: &impl Prepare,
        connection: &mut PgConnection,
        events: Vec<Event>,
    ) -> Result<(Vec<Result<Published, InvalidEvent>>, Wake), PublishError> {
        let (mut answers, mut accepted) = (Vec::with_capacity(events.len()), Vec::new());
        for event in events {
            answers.push(publisher.prepare(event).map(|prepared| {
                let (event, published) = prepared.into_parts();
                accepted.push(event);
                published
            }));
        }
        let acceptances = self.accept_in(connection, accepted).await?;
        let mut acceptances = acceptances.iter();
        let answers = answers
            .into_iter()
            .map(|answer| {
                answer.map(|published| match acceptances.next() {
                    Some(acceptance) => publisher.answer(published, acceptance),
                    None => published,
                })
            })
            .collect();
        Ok((answers, publisher.wake()))
    }
}
