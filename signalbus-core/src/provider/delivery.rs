use std::fmt;

use super::Latch;
use crate::{
    channel::Channel,
    clock::Timestamp,
    id::{DeliveryId, EventId},
    name::TenantId,
    trace::TraceContext,
};

/// One try of a delivery, as a provider sees it.
pub struct Delivery<'a, C: Channel> {
    /// The delivery: the same over all its tries.
    pub id: DeliveryId,
    /// The event it belongs to.
    pub event: EventId,
    /// Whose event it is.
    pub tenant: &'a TenantId,
    /// Counts redrives, from zero.
    pub generation: u32,
    /// Counts the claims of this generation, from one: names the try in the history.
    pub attempt: u32,
    /// How many sends of this generation were begun before; less than `attempt` when it was claimed
    /// and put off.
    pub tries: u32,
    /// Where it goes.
    pub to: &'a C::Address,
    /// The finished message; the same over all tries of a generation.
    pub message: &'a C::Message,
    /// When it is worth nothing any more; pass it on where the provider takes an expiry.
    pub expires_at: Option<Timestamp>,
    /// The trace to pass on: of this attempt where a tracer records it (feature `otel` of `signalbus`),
    /// and otherwise the one that caused the event.
    pub trace: Option<&'a TraceContext>,
    latch: &'a Latch,
}

impl<'a, C: Channel> Delivery<'a, C> {
    /// The first try of a delivery; set what else is known of it. The caller keeps `latch` to see
    /// whether the request was started.
    #[must_use]
    pub fn new(
        id: DeliveryId,
        event: EventId,
        tenant: &'a TenantId,
        to: &'a C::Address,
        message: &'a C::Message,
        latch: &'a Latch,
    ) -> Self {
        Self {
            id,
            event,
            tenant,
            generation: 0,
            attempt: 1,
            tries: 0,
            to,
            message,
            expires_at: None,
            trace: None,
            latch,
        }
    }

    /// Call this before the first byte that could cause a send. From here on a missing answer
    /// means "it may have been sent". Counts only for a provider that says it calls this:
    /// [`Capabilities::reporting_start`](super::Capabilities::reporting_start).
    pub fn request_started(&self) {
        self.latch.set();
    }

    /// What [`Delivery::request_started`] sets, for a client that writes in a task of its own: give
    /// it a clone, and it sets the latch right before the first byte that could cause a send.
    #[must_use]
    pub fn latch(&self) -> &Latch {
        self.latch
    }

    /// Our name for the message, to hand to the provider: the same over all tries of a
    /// generation, different after a redrive.
    #[must_use]
    pub fn reference(&self) -> String {
        reference(self.id, self.generation)
    }
}

/// What [`Delivery::reference`] gives for this delivery and generation; what a
/// [`Lookup`](super::Lookup) is asked for.
#[must_use]
pub fn reference(id: DeliveryId, generation: u32) -> String {
    if generation == 0 {
        id.to_string()
    } else {
        format!("{id}.{generation}")
    }
}

/// Reads what [`Delivery::reference`] gave: the delivery and its generation. None when it is
/// something else.
#[must_use]
pub fn parse_reference(text: &str) -> Option<(DeliveryId, u32)> {
    let (id, generation) = text.split_once('.').unwrap_or((text, "0"));
    let id: DeliveryId = id.parse().ok()?;
    let generation = generation.parse().ok()?;
    // One spelling each: what we did not write is not ours.
    (reference(id, generation) == text).then_some((id, generation))
}

impl<C: Channel> fmt::Debug for Delivery<'_, C> {
    /// Shows neither address nor content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Delivery")
            .field("channel", &C::NAME)
            .field("id", &self.id)
            .field("event", &self.event)
            .field("tenant", &self.tenant)
            .field("generation", &self.generation)
            .field("attempt", &self.attempt)
            .finish_non_exhaustive()
    }
}
