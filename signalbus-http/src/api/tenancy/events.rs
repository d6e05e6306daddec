use signalbus_core::{Event, EventId, InvalidEvent, Published, TenantId, store::EventRecord};

use super::Tenancy;
use crate::api::{
    PlannedEvent,
    problem::{Answer, Problem},
};

impl Tenancy {
    /// Publishes events of this tenant, each for itself.
    pub(crate) async fn publish(
        &self,
        events: Vec<Event>,
    ) -> Answer<Vec<Result<Published, InvalidEvent>>> {
        let events = events
            .into_iter()
            .map(|event| own(&self.tenant, event))
            .collect();
        Ok(self.state.engine().publish_all(events).await?)
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
