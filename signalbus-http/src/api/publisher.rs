//! For handlers of a host that publish.

use axum::extract::FromRequestParts;
use http::request::Parts;
use signalbus_core::{Event, EventId, Idempotency, TenantId, Topic, TraceContext};

use super::{
    input::{key_of, trace_of},
    problem::{Answer, Problem, Wrong},
    tenancy::{ApiState, By, Publish},
};

/// Who came with a key that may publish, for handlers of a host ([`Api::own`]): their events are published
/// with the limits, quotas and answers of the API.
///
/// [`Api::own`]: crate::Api::own
pub struct Publisher {
    by: By<Publish>,
    key: Option<String>,
    trace: Option<TraceContext>,
}

impl std::fmt::Debug for Publisher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Publisher")
            .field("tenant", self.tenant())
            .finish_non_exhaustive()
    }
}

impl FromRequestParts<ApiState> for Publisher {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Answer<Self> {
        Ok(Self {
            by: By::from_request_parts(parts, state).await?,
            key: key_of(&parts.headers)?,
            trace: trace_of(&parts.headers),
        })
    }
}

impl Publisher {
    /// For whom they publish.
    #[must_use]
    pub fn tenant(&self) -> &TenantId {
        self.by.tenancy.tenant()
    }

    /// The header `Idempotency-Key` of the request; none for a new event every time.
    #[must_use]
    pub fn idempotency(&self) -> Idempotency {
        self.key.clone().map_or(Idempotency::None, Idempotency::Key)
    }

    /// Publishes for the tenant of this name from now on, as if the request had named it in its header.
    ///
    /// # Errors
    /// When the key is another tenant's, or there is no such tenant.
    pub async fn on_behalf_of(mut self, tenant: &str) -> Result<Self, Problem> {
        let tenant = TenantId::new(tenant).map_err(|_| Problem::not_found("tenant"))?;
        self.by = self.by.named(tenant).await?;
        Ok(self)
    }

    /// Publishes an event to this topic of the bus: `Ok` when the bus has acknowledged it. The tenant is that
    /// of the publisher, whatever the event says, and the trace that of the request unless it says one.
    ///
    /// # Errors
    /// A problem to answer with, when the event is wrong, the quota is used up, or the bus did not take it.
    pub async fn publish_to_topic(&self, topic: &Topic, event: Event) -> Result<EventId, Problem> {
        let most = self.by.tenancy.limits().recipients;
        if event.to.len() > most {
            let problem = format!("a request may have {most} recipients: send fewer at a time");
            return Err(Problem::new(Wrong::TooLarge, problem).field("to"));
        }
        let mut event = event;
        event.trace = event.trace.take().or_else(|| self.trace.clone());
        self.by.tenancy.publish_to_topic(topic, event).await
    }
}
