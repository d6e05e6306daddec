use std::{collections::BTreeMap, sync::Arc};

use bytes::Bytes;
use tracing::Instrument;

use super::{Signalbus, prepare::after};
use crate::{
    engine::metrics,
    event::Event,
    id::EventId,
    name::ChannelName,
    plan::{Plan, PlannedDelivery},
    publish::{InvalidEvent, PublishError, Published, Verdict, check},
    route::{Preview, View, fresh},
    store::{Acceptance, StoredEvent},
    template::TemplateError,
};

impl Signalbus {
    /// Publishes one event. `Ok` means that it is stored as durably as the store promises
    /// (promise P1); look at the verdict for a conflict.
    ///
    /// # Errors
    /// [`PublishError::Invalid`] when the event itself is wrong, [`PublishError::Store`] when the
    /// store did not take it: then try again with the same key.
    pub async fn publish(&self, event: Event) -> Result<Published, PublishError> {
        let answers = self.publish_all(vec![event]).await?;
        match answers.into_iter().next() {
            Some(answer) => Ok(answer?),
            None => Err(InvalidEvent::new("event", "the store gave no answer").into()),
        }
    }

    /// Publishes many events in one transaction, each for itself: one that is invalid, a
    /// duplicate or a conflict does not hold up the others. Answers are in the order of events.
    ///
    /// # Errors
    /// When the store did not take them, or they have more recipients together than
    /// [`PublishLimits::batch`](crate::publish::PublishLimits): none was stored.
    pub async fn publish_all(
        &self,
        events: Vec<Event>,
    ) -> Result<Vec<Result<Published, InvalidEvent>>, PublishError> {
        // What attempts are linked with: it is stored with events that bring no trace.
        let span = crate::trace::span!(
            "create",
            otel.kind = "producer",
            messaging.batch.message_count = events.len(),
        );
        self.publish_these(events).instrument(span).await
    }

    async fn publish_these(
        &self,
        events: Vec<Event>,
    ) -> Result<Vec<Result<Published, InvalidEvent>>, PublishError> {
        check::check_batch(&events, &self.shared().planner.limits)?;
        let now = self.shared().clock.now();
        let mut answers = Vec::with_capacity(events.len());
        let mut accepted = Vec::with_capacity(events.len());
        let mut contents = Vec::with_capacity(events.len());
        let mut draft = Vec::new();
        for event in events {
            let prepared = check::check_expiry(&event, now)
                .and_then(|()| self.shared().planner.prepare(event, &mut draft));
            match prepared {
                Ok((prepared, content)) => {
                    let (event, published) = prepared.into_parts();
                    let small = event.content.len() <= fresh::LONGEST;
                    contents.push(small.then(|| (event.id, Arc::new(content))));
                    accepted.push(event);
                    answers.push(Ok(published));
                }
                Err(invalid) => answers.push(Err(invalid)),
            }
        }
        if accepted.is_empty() {
            return Ok(answers);
        }
        let acceptances = self.shared().store.accept(accepted, Vec::new()).await?;
        let new = |acceptance: &Acceptance| matches!(acceptance, Acceptance::Accepted);
        let fresh = acceptances.iter().zip(contents).filter(|(of, _)| new(of));
        self.shared()
            .fresh
            .put(fresh.filter_map(|(_, content)| content));
        let mut acceptances = acceptances.iter();
        let mut counts: BTreeMap<ChannelName, u64> = BTreeMap::new();
        for answer in answers.iter_mut().flatten() {
            let Some(acceptance) = acceptances.next() else {
                break;
            };
            let published = after(std::mem::replace(answer, empty(answer.event)), acceptance);
            if published.verdict == Verdict::Accepted {
                for route in &published.routes {
                    if let Some(channel) = &route.channel {
                        match counts.get_mut(channel) {
                            Some(count) => *count += 1,
                            None => drop(counts.insert(channel.clone(), 1)),
                        }
                    }
                }
            }
            *answer = published;
        }
        for (channel, count) in &counts {
            metrics::published(channel, *count);
        }
        if !counts.is_empty() {
            self.shared().bell.ring_all();
        }
        Ok(answers)
    }

    /// What would happen to an event, and why. Nothing is stored or sent.
    ///
    /// # Errors
    /// When the event is wrong.
    pub fn plan(&self, event: &Event) -> Result<Plan, InvalidEvent> {
        let planner = &self.shared().planner;
        let (tenant, topic) = planner.check(event)?;
        let rule = planner.policy.plan(&topic);
        let deliveries = planner
            .plan(event, &tenant, rule)
            .into_iter()
            .map(|planned| PlannedDelivery {
                recipient: planned.recipient,
                channel: planned.route.map(|route| route.name().clone()),
                providers: planned.route.map_or_else(Vec::new, |route| {
                    route
                        .providers()
                        .into_iter()
                        .map(|(name, _)| name)
                        .collect()
                }),
                answer: planned.answer(event.send_at),
            })
            .collect();
        Ok(Plan {
            rule: rule.is_some(),
            tenant,
            topic,
            deliveries,
        })
    }

    /// The rendered parts of every message an event would give. Nothing is stored or sent.
    ///
    /// # Errors
    /// When the event is wrong, or a template fails.
    pub fn render(&self, event: &Event) -> Result<Vec<Preview>, PreviewError> {
        let planner = &self.shared().planner;
        let (tenant, topic) = planner.check(event)?;
        let stored = StoredEvent {
            id: planner.ids.event(),
            tenant: tenant.clone(),
            topic: topic.clone(),
            class: event.class,
            accepted_at: self.shared().clock.now(),
            content: Bytes::new(),
        };
        let rule = planner.policy.plan(&topic);
        let content = planner.content(&mut event.clone(), rule);
        let mut previews = Vec::new();
        for planned in planner.plan(event, &tenant, rule) {
            let (Some(route), None) = (planned.route, &planned.rejected) else {
                continue;
            };
            let Some(recipient) = content.to.get(planned.recipient) else {
                continue;
            };
            let view = View {
                event: &stored,
                content: &content,
                recipient,
                address: planned.address,
                secret: event.secret.as_ref(),
            };
            let rendered = route.render(&self.shared().templates, &view)?;
            previews.push(Preview {
                recipient: planned.recipient,
                channel: route.name().clone(),
                locale: rendered.locale,
                parts: rendered.parts,
            });
        }
        Ok(previews)
    }
}

/// Why a preview could not be made. `Display` says what is wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PreviewError {
    /// The event itself is wrong.
    #[error("the event cannot be published: {0}")]
    Invalid(InvalidEvent),
    /// A template is missing or fails.
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl From<InvalidEvent> for PreviewError {
    fn from(error: InvalidEvent) -> Self {
        Self::Invalid(error)
    }
}

fn empty(event: EventId) -> Published {
    Published {
        event,
        verdict: Verdict::Accepted,
        routes: Vec::new(),
    }
}
