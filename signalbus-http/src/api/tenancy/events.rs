use signalbus_core::{
    Event, EventId, InvalidEvent, PublishError, Published, TenantId, Topic, Verdict,
    store::{EventRecord, StoreErrorKind},
};

use super::Tenancy;
use crate::api::{
    PlannedEvent,
    problem::{Answer, Problem, Wrong},
};

impl Tenancy {
    /// Publishes events of this tenant, each for itself.
    pub(crate) async fn publish(
        &self,
        events: Vec<Event>,
    ) -> Answer<Vec<Result<Published, InvalidEvent>>> {
        self.publish_by(events, None).await
    }

    /// Publishes an event of this tenant to a topic of the bus.
    pub(crate) async fn publish_to_topic(&self, topic: &Topic, event: Event) -> Answer<EventId> {
        let answers = self.publish_by(vec![event], Some(topic)).await?;
        let answer = answers.into_iter().next().ok_or_else(|| {
            Problem::new(
                Wrong::Internal,
                "the engine gave no answer: tell the operator",
            )
        })?;
        Ok(answer?.event)
    }

    async fn publish_by(
        &self,
        events: Vec<Event>,
        topic: Option<&Topic>,
    ) -> Answer<Vec<Result<Published, InvalidEvent>>> {
        let recipients: Vec<usize> = events.iter().map(|event| event.to.len()).collect();
        let all = recipients.iter().sum();
        let taken = self.take(all).await?;
        let events = events
            .into_iter()
            .map(|event| own(&self.tenant, event))
            .collect();
        let answers = match self.hand_over(events, topic).await {
            Ok(answers) => answers,
            Err(error) => {
                // Where the answer was lost they may be stored: that is paid for.
                if !matches!(&error, PublishError::Store(error) if error.kind() == StoreErrorKind::Ambiguous)
                {
                    self.give_back(taken, all).await;
                }
                return Err(error.into());
            }
        };
        let for_nothing = answers
            .iter()
            .zip(recipients)
            .filter_map(|(answer, recipients)| {
                let new = matches!(answer, Ok(published) if published.verdict == Verdict::Accepted);
                (!new).then_some(recipients)
            });
        self.give_back(taken, for_nothing.sum()).await;
        Ok(answers)
    }

    /// To the store, or to the bus.
    async fn hand_over(
        &self,
        events: Vec<Event>,
        topic: Option<&Topic>,
    ) -> Result<Vec<Result<Published, InvalidEvent>>, PublishError> {
        let engine = self.state.engine();
        let answers = match topic {
            None if !self.state.over_bus() => return engine.publish_all(events).await,
            None => engine.publish_all_to_bus(events).await?,
            Some(topic) => {
                let mut answers = Vec::with_capacity(events.len());
                for event in events {
                    answers.push(match engine.publish_to_bus_topic(topic, event).await {
                        Ok(id) => Ok(id),
                        Err(PublishError::Invalid(invalid)) => Err(invalid),
                        Err(error) => return Err(error),
                    });
                }
                answers
            }
        };
        let taken = answers.into_iter().map(|answer| {
            answer.map(|event| Published {
                event,
                verdict: Verdict::Accepted,
                routes: Vec::new(),
            })
        });
        Ok(taken.collect())
    }

    /// What would happen to an event of this tenant.
    pub(crate) fn plan(&self, event: Event) -> Answer<PlannedEvent> {
        Ok(self.state.engine().plan(&own(&self.tenant, event))?)
    }

    /// One event of this tenant.
    pub(crate) async fn event(&self, id: EventId) -> Answer<EventRecord> {
        let found = self.state.engine().store().event(&self.tenant, id).await?;
        found.ok_or_else(|| Problem::not_found("event"))
    }
}

/// Whatever it says, it is this tenant's.
fn own(tenant: &TenantId, mut event: Event) -> Event {
    if event.tenant.as_deref() != Some(tenant.as_str()) {
        event.tenant = Some(tenant.to_string());
    }
    event
}
