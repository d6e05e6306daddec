use async_trait::async_trait;
use signalbus_http::api::{Engine, PlannedEvent, PlannedRoute};

use super::Signalbus;
use crate::{
    event::Event,
    explain::Explanation,
    name::{ChannelName, TenantId},
    publish::{InvalidEvent, PublishError, Published},
    store::{AddressHash, DeliveryRecord, HistoryEntry, Redrive, Redriven, Store, StoreError},
};

#[async_trait]
impl Engine for Signalbus {
    fn store(&self) -> &dyn Store {
        Self::store(self)
    }

    async fn publish_all(
        &self,
        events: Vec<Event>,
    ) -> Result<Vec<Result<Published, InvalidEvent>>, PublishError> {
        Self::publish_all(self, events).await
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

    fn explain(&self, delivery: &DeliveryRecord, history: &[HistoryEntry]) -> String {
        Explanation {
            delivery: delivery.clone(),
            history: history.to_vec(),
        }
        .to_string()
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
