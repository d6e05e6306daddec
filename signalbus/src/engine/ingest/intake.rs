//! From envelopes to what a store takes, and into the store.

use std::{panic::AssertUnwindSafe, time::Duration};

use tracing::Instrument as _;

use super::{
    Failure, Link,
    letters::Rejection,
    metrics,
    reject::{Rejected, derived},
};
use crate::{
    bus::{Delivered, Place},
    chain::Chain,
    event::Event,
    id::EventId,
    mutant::Mutant,
    name::{TenantId, Topic},
    publish::wire::{Carried, Uncarried, decode},
    store::{Acceptance, BusAdvance, NewEvent, Reason, StoreError},
    trace::TraceContext,
};

/// How often an envelope may have been handed out before: whoever reads it dies of it.
const MOST_REPEATS: u32 = 16;

/// How many of the events of a batch its span is linked with: as many as a span keeps by default
/// (OpenTelemetry specification 1.50, span limits).
#[cfg(feature = "otel")]
const MOST_LINKS: usize = 128;

/// What became of one envelope.
pub(super) enum Taken {
    /// An event to store.
    Event(Box<NewEvent>),
    /// Recorded as rejected.
    Rejected(Box<Rejection>),
    /// Written by a version of this library that is newer than this one: not to be touched.
    Newer(u32),
}

/// An event, and the envelope it came in.
pub(super) struct Item {
    pub(super) event: NewEvent,
    pub(super) from: Delivered,
}

impl Link {
    /// Plans what an envelope holds. `draft` is room to encode in.
    pub(super) fn read(&self, delivered: &Delivered, draft: &mut Vec<u8>) -> Taken {
        let payload = &delivered.envelope.payload;
        let own_id = || {
            if Mutant::IdAtRandom.is_active() {
                return self.shared.planner.ids.event();
            }
            derived(self.bus(), self.topic(), &delivered.place)
        };
        let (id, mut event) = match decode(payload) {
            Ok(Carried::Ours(id, event)) => (id, event),
            Ok(Carried::Foreign(event)) => (own_id(), event),
            Err(Uncarried::Newer(version)) if !Mutant::NewerIsRejected.is_active() => {
                return Taken::Newer(version);
            }
            Err(Uncarried::Newer(_)) => {
                let why = "it is newer".to_owned();
                return self.rejected(own_id(), None, delivered, Reason::Unreadable, why);
            }
            Err(Uncarried::Unreadable(why)) => {
                return self.rejected(own_id(), None, delivered, Reason::Unreadable, why);
            }
        };
        if event.trace.is_none() {
            event.trace = trace_of(delivered);
        }
        let names = (event.tenant.clone(), event.topic.clone());
        let reject = |why| self.rejected(id, Some(&names), delivered, Reason::Unreadable, why);
        if delivered.repeats >= MOST_REPEATS {
            return reject(format!(
                "it was handed out {} times before, and never stored",
                delivered.repeats
            ));
        }
        match self.prepare(event, draft) {
            Ok(mut event) => {
                event.id = id;
                Taken::Event(Box::new(event))
            }
            Err(why) => {
                tracing::warn!(event.id = %id, error = why, "an event from the bus is invalid");
                reject(why)
            }
        }
    }

    fn prepare(&self, event: Event, draft: &mut Vec<u8>) -> Result<NewEvent, String> {
        let prepare = AssertUnwindSafe(|| self.shared.planner.prepare(event, draft));
        match std::panic::catch_unwind(prepare) {
            Ok(Ok((prepared, _))) => Ok(prepared.into_parts().0),
            Ok(Err(error)) => Err(error.to_string()),
            // It would come again with every restart, and nothing behind it would be read.
            Err(_) => Err("a channel panicked over it".to_owned()),
        }
    }

    fn rejected(
        &self,
        id: EventId,
        names: Option<&(Option<String>, String)>,
        delivered: &Delivered,
        reason: Reason,
        why: String,
    ) -> Taken {
        let (tenant, topic) = match names {
            Some((tenant, topic)) => (tenant.as_deref(), Some(topic.as_str())),
            None => (None, None),
        };
        let rejected = Rejected {
            id,
            tenant: tenant.and_then(|tenant| TenantId::new(tenant).ok()),
            topic: topic.and_then(|topic| Topic::new(topic).ok()),
            reason,
            why,
            payload: &delivered.envelope.payload,
        };
        Taken::Rejected(Box::new(self.rejection(rejected, delivered)))
    }

    /// Stores events, and what could not be taken together with how far was read. First the events,
    /// which the store knows again by their ids: whatever fails in between is read again. Answers how
    /// long the store took.
    pub(super) async fn store(
        &self,
        items: Vec<Item>,
        rejections: Vec<Rejection>,
        advance: Vec<BusAdvance>,
    ) -> Result<Duration, Failure> {
        let span = crate::trace::span!(
            "ingest",
            otel.kind = "consumer",
            messaging.batch.message_count = items.len() + rejections.len(),
            messaging.system = self.bus(),
            messaging.destination.name = self.topic(),
            messaging.consumer.group.name = self.group,
        );
        #[cfg(feature = "otel")]
        if !span.is_disabled() {
            let traces = items.iter().filter_map(|item| trace_of(&item.from));
            for trace in traces.take(MOST_LINKS) {
                crate::trace::link(&span, &trace);
            }
        }
        self.store_these(items, rejections, advance)
            .instrument(span)
            .await
    }

    async fn store_these(
        &self,
        items: Vec<Item>,
        mut rejections: Vec<Rejection>,
        advance: Vec<BusAdvance>,
    ) -> Result<Duration, Failure> {
        let began = self.now();
        if !items.is_empty() {
            rejections.extend(self.accept(items).await?);
        }
        let accepted = self.now();
        let mut letters = Vec::new();
        let mut rejected = Vec::with_capacity(rejections.len());
        for Rejection { event, letter } in rejections {
            letters.extend(letter);
            rejected.push(event);
        }
        self.post(letters).await?;
        metrics::rejected(self, rejected.len());
        let posted = self.now();
        self.shared
            .store
            .accept(rejected, advance)
            .await
            .inspect_err(not_stored)?;
        self.shared.bell.ring_all();
        Ok((accepted - began) + (self.now() - posted))
    }

    /// Stores events together, and one by one when the store refuses them for good: one that it
    /// does not take costs itself only. Returns the rejections that follow.
    async fn accept(&self, items: Vec<Item>) -> Result<Vec<Rejection>, StoreError> {
        let events = items.iter().map(|item| item.event.clone()).collect();
        let error = match self.shared.store.accept(events, Vec::new()).await {
            Ok(answers) => return Ok(self.conflicts(&items, &answers).collect()),
            Err(error) => error,
        };
        not_stored(&error);
        if error.is_transient() || Mutant::RefusedStopsAll.is_active() {
            return Err(error);
        }
        let mut rejections = Vec::new();
        for item in items {
            let alone = self
                .shared
                .store
                .accept(vec![item.event.clone()], Vec::new());
            match alone.await {
                Ok(answers) => {
                    rejections.extend(self.conflicts(std::slice::from_ref(&item), &answers));
                }
                Err(error) if error.is_transient() => return Err(error),
                Err(error) => {
                    tracing::error!(
                        error = %Chain(&error), event.id = %item.event.id,
                        "the store refuses an event from the bus"
                    );
                    let why = format!("the store refuses it: {}", Chain(&error));
                    rejections.push(self.instead(&item, item.event.id, Reason::Unreadable, why));
                }
            }
        }
        Ok(rejections)
    }

    /// A conflict cannot be told to the publisher any more, so it is recorded.
    fn conflicts<'a>(
        &'a self,
        items: &'a [Item],
        answers: &'a [Acceptance],
    ) -> impl Iterator<Item = Rejection> + 'a {
        items.iter().zip(answers).filter_map(|(item, answer)| {
            let Acceptance::Conflict(with) = answer else {
                return None;
            };
            let id = item.event.id;
            // With the id of another event it needs one of its own.
            let (id, why) = if *with == id {
                let own = derived(self.bus(), self.topic(), &item.from.place);
                (own, format!("its id {id} is that of another event"))
            } else {
                let why = format!("its key was used before, by event {with}");
                (id, why)
            };
            Some(self.instead(item, id, Reason::Conflict, why))
        })
    }

    fn instead(&self, item: &Item, id: EventId, reason: Reason, why: String) -> Rejection {
        let rejected = Rejected {
            id,
            tenant: Some(item.event.tenant.clone()),
            topic: Some(item.event.topic.clone()),
            reason,
            why,
            payload: &item.from.envelope.payload,
        };
        self.rejection(rejected, &item.from)
    }

    fn rejection(&self, rejected: Rejected<'_>, from: &Delivered) -> Rejection {
        let event = rejected.event(&self.shared);
        let letter = self.letter(&event, from);
        Rejection { event, letter }
    }

    /// Tells that what a place names is left alone until a newer version reads it.
    pub(super) fn tell_newer(&self, place: &Place, version: u32) {
        tracing::error!(
            bus = self.bus(),
            topic = self.topic(),
            ?place,
            "an event was written by a newer version of this library (wire version {version}); it \
             is held until a worker of that version reads it: finish the upgrade"
        );
    }
}

fn not_stored(error: &StoreError) {
    tracing::warn!(error = %Chain(error), "events from the bus were not stored");
}

fn trace_of(delivered: &Delivered) -> Option<TraceContext> {
    let headers = &delivered.envelope.headers;
    TraceContext::new(headers.text("traceparent")?, headers.text("tracestate")).ok()
}
