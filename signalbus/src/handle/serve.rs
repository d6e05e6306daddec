use std::collections::BTreeMap;

use async_trait::async_trait;
use bytes::Bytes;
use signalbus_http::api::{
    Engine, PlannedEvent, PlannedRoute, RenderedMessage, Somebody, TemplateProblem,
};

use super::{Signalbus, Who};
use crate::{
    chain::Chain,
    directory::{TemplateSources, TemplateVersion},
    event::Event,
    health::PartHealth,
    id::{DeliveryId, EventId},
    name::{ChannelName, TenantId, Topic},
    publish::{InvalidEvent, PublishError, Published},
    route::View,
    store::{
        AddressHash, DeliveryRecord, Erased, HistoryEntry, Redrive, Redriven, Store, StoreError,
        StoredEvent,
    },
    template::TemplateError,
};

#[async_trait]
impl Engine for Signalbus {
    fn store(&self) -> &dyn Store {
        Self::store(self)
    }

    fn trouble(&self) -> Option<String> {
        let health = self.health();
        let panicked = matches!(health.sending, Some(PartHealth::Restarting { .. }));
        (panicked || health.store.is_some()).then(|| health.to_string())
    }

    async fn publish_all(
        &self,
        events: Vec<Event>,
    ) -> Result<Vec<Result<Published, InvalidEvent>>, PublishError> {
        Self::publish_all(self, events).await
    }

    async fn publish_all_to_bus(
        &self,
        events: Vec<Event>,
    ) -> Result<Vec<Result<EventId, InvalidEvent>>, PublishError> {
        Self::publish_all_to_bus(self, events).await
    }

    async fn publish_to_bus_topic(
        &self,
        topic: &Topic,
        event: Event,
    ) -> Result<EventId, PublishError> {
        Self::publish_to_bus_topic(self, topic, event).await
    }

    fn plan(&self, event: &Event) -> Result<PlannedEvent, InvalidEvent> {
        let plan = Self::plan(self, event)?;
        let routes = plan.deliveries.into_iter().map(|planned| PlannedRoute {
            recipient: planned.recipient,
            channel: planned.channel,
            providers: planned.providers,
            answer: planned.answer,
        });
        Ok(PlannedEvent {
            rule: plan.rule,
            routes: routes.collect(),
        })
    }

    async fn redrive(&self, redrive: Redrive) -> Result<Redriven, StoreError> {
        Self::redrive(self, redrive).await
    }

    async fn erase(
        &self,
        tenant: &TenantId,
        who: &[Somebody],
        actor: &str,
    ) -> Result<Erased, StoreError> {
        let who: Vec<Who<'_>> = who
            .iter()
            .map(|somebody| match somebody {
                Somebody::Id(id) => Who::Id(id),
                Somebody::Address { channel, address } => Who::Address { channel, address },
            })
            .collect();
        Self::erase(self, tenant, &who, actor).await
    }

    async fn explain(
        &self,
        tenant: &TenantId,
        id: DeliveryId,
    ) -> Result<Option<(DeliveryRecord, Vec<HistoryEntry>, String)>, StoreError> {
        let explanation = Self::explain(self, tenant, id).await?;
        Ok(explanation.map(|explanation| {
            let story = explanation.to_string();
            (explanation.delivery, explanation.history, story)
        }))
    }

    fn check_template(&self, name: &str, sources: &TemplateSources) -> Result<(), TemplateProblem> {
        if sources.values().all(BTreeMap::is_empty) {
            return Err(TemplateProblem::new(
                "a template must have a part in a locale: say `{\"en\": {\"body.txt\": \"…\"}}`",
            ));
        }
        let templates = &self.shared().templates;
        let made = templates.of_sources(name, sources).map_err(problem)?;
        drop(made);
        Ok(())
    }

    fn preview(
        &self,
        event: &Event,
        name: &str,
        sources: &TemplateSources,
    ) -> Result<Vec<RenderedMessage>, TemplateProblem> {
        let templates = self.shared().templates.of_sources(name, sources);
        let templates = templates.map_err(problem)?;
        let planner = &self.shared().planner;
        let wrong = |error: InvalidEvent| TemplateProblem::new(error.to_string());
        let (tenant, topic) = planner.check(event).map_err(wrong)?;
        let stored = StoredEvent {
            id: planner.ids.event(),
            tenant: tenant.clone(),
            topic: topic.clone(),
            class: event.class,
            accepted_at: self.shared().clock.now(),
            content: Bytes::new(),
        };
        let rule = planner.policy.plan(&topic);
        let mut content = planner.content(&mut event.clone(), rule);
        content.template = Some(name.to_owned());
        let mut messages = Vec::new();
        for planned in planner.plan(event, &tenant, rule) {
            let (Some(route), Some(recipient)) = (planned.route, content.to.get(planned.recipient))
            else {
                continue;
            };
            let view = View {
                event: &stored,
                content: &content,
                recipient,
                address: planned.address,
                secret: event.secret.as_ref(),
            };
            let rendered = route.render(&templates, &view).map_err(problem)?;
            let parts = rendered.parts.iter();
            messages.push(RenderedMessage {
                recipient: planned.recipient,
                channel: route.name().clone(),
                locale: rendered.locale.clone(),
                parts: parts
                    .map(|(name, text)| (name.to_owned(), text.to_owned()))
                    .collect(),
            });
        }
        Ok(messages)
    }

    fn use_template(&self, tenant: &TenantId, name: &str, version: Option<&TemplateVersion>) {
        if let Err(error) = self.shared().templates.use_for(tenant, name, version) {
            tracing::error!(error = %Chain(&error), "a template of a tenant is not used");
        }
    }

    fn address(
        &self,
        tenant: &TenantId,
        channel: &str,
        address: &str,
    ) -> Result<(ChannelName, AddressHash), InvalidEvent> {
        let route =
            self.shared().planner.routes.get(channel).ok_or_else(|| {
                InvalidEvent::new("channel", "no channel with this name is set up")
            })?;
        let resolved = route
            .resolve(address, tenant, None)
            .map_err(|error| InvalidEvent::new("address", error.to_string()))?;
        Ok((route.name().clone(), resolved.hash))
    }
}

fn problem(error: TemplateError) -> TemplateProblem {
    TemplateProblem::new(Chain(&error).to_string())
}
