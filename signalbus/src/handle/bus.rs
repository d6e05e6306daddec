use tracing::Instrument as _;

use super::Signalbus;
use crate::{
    builder::BusSetup,
    bus::{BusError, BusErrorKind, Envelope},
    event::Event,
    id::EventId,
    name::Topic,
    publish::{InvalidEvent, PublishError, check, wire},
};

/// What attempts are linked with: it travels with events that bring no trace.
fn create(events: usize, bus: &str, topic: &Topic) -> tracing::Span {
    crate::trace::span!(
        "create",
        otel.kind = "producer",
        messaging.batch.message_count = events,
        messaging.system = bus,
        messaging.destination.name = %topic,
    )
}

impl Signalbus {
    /// Publishes one event through the bus. The answer is its id only: who stores it finds
    /// duplicates, and records conflicts.
    ///
    /// Events stay in order with others of the same recipient; one of several recipients, with those
    /// of its first.
    ///
    /// # Errors
    /// When the event is wrong, or the bus did not take it.
    pub async fn publish_to_bus(&self, event: Event) -> Result<EventId, PublishError> {
        let topic = self.bus_setup()?.topic.clone();
        self.publish_to_bus_topic(&topic, event).await
    }

    /// Publishes one event to another topic of the bus than that of [`Builder::bus_setup`].
    ///
    /// # Errors
    /// When the event is wrong, or the bus did not take it.
    ///
    /// [`Builder::bus_setup`]: crate::Builder::bus_setup
    pub async fn publish_to_bus_topic(
        &self,
        topic: &Topic,
        event: Event,
    ) -> Result<EventId, PublishError> {
        let span = create(1, self.bus_setup()?.bus.name(), topic);
        let (id, envelope) = span.in_scope(|| self.envelope(topic, event))?;
        let publish = self.bus_setup()?.bus.publish(vec![envelope]);
        publish.instrument(span).await?;
        Ok(id)
    }

    /// Publishes many events through the bus, each for itself: one that is invalid does not hold up
    /// the others. Answers are in the order of events.
    ///
    /// # Errors
    /// When the bus did not take them: it may have taken some. Publish all again with the same
    /// keys.
    pub async fn publish_all_to_bus(
        &self,
        events: Vec<Event>,
    ) -> Result<Vec<Result<EventId, InvalidEvent>>, PublishError> {
        let setup = self.bus_setup()?;
        let span = create(events.len(), setup.bus.name(), &setup.topic);
        let mut envelopes = Vec::with_capacity(events.len());
        let mut answers = Vec::with_capacity(events.len());
        for event in events {
            answers.push(match span.in_scope(|| self.envelope(&setup.topic, event)) {
                Ok((id, envelope)) => {
                    envelopes.push(envelope);
                    Ok(id)
                }
                Err(PublishError::Invalid(invalid)) => Err(invalid),
                Err(error) => return Err(error),
            });
        }
        if !envelopes.is_empty() {
            setup.bus.publish(envelopes).instrument(span).await?;
        }
        Ok(answers)
    }

    fn bus_setup(&self) -> Result<&BusSetup, BusError> {
        self.inner.buses.first().ok_or_else(|| {
            let problem = "no bus was set up: give one with Builder::bus";
            BusError::new(BusErrorKind::Invalid, problem)
        })
    }

    fn envelope(&self, topic: &Topic, event: Event) -> Result<(EventId, Envelope), PublishError> {
        let setup = self.bus_setup()?;
        let planner = &self.shared().planner;
        check::check_expiry(&event, self.shared().clock.now())?;
        let (mut event, ..) = planner.checked(event)?;
        // Whoever stores it has nobody to tell what is wrong with it.
        let (prepared, content) = planner.prepare(event.clone(), &mut Vec::new())?;
        let (prepared, _) = prepared.into_parts();
        // What decides the lane of the first recipient decides its partition, too.
        let recipient_key = prepared
            .deliveries
            .first()
            .map_or(0, |first| first.recipient_key.half());
        if event.trace.is_none() {
            event.trace.clone_from(&content.trace);
        }
        let unwritable = |error: serde_json::Error| InvalidEvent::new("data", error.to_string());
        let payload = wire::encode(prepared.id, &event).map_err(unwritable)?;
        let most = setup.bus.max_payload();
        if payload.len() > most {
            let problem = format!(
                "the event has {} bytes as JSON; the bus takes at most {most}: send large things as links",
                payload.len()
            );
            return Err(InvalidEvent::new("data", problem).into());
        }
        let key = format!("{recipient_key:016x}");
        let mut envelope = Envelope::new(topic.as_str(), key, payload);
        if let Some(trace) = &event.trace {
            let headers = &mut envelope.headers;
            headers.insert("traceparent", trace.traceparent().to_owned());
            if let Some(state) = trace.tracestate() {
                headers.insert("tracestate", state.to_owned());
            }
        }
        Ok((prepared.id, envelope))
    }
}
