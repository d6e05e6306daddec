//! From a bus into the store: first the events, which the store knows again by their ids, then
//! what could not be taken and how far was read, in one transaction. Whatever fails in between is
//! read again.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::{Shared, worker::Phase};
use crate::{
    bus::{Bus, BusError, Delivered, Offset, Subscription},
    chain::Chain,
    event::{Class, Event, Order},
    id::EventId,
    mutant::Mutant,
    name::{TenantId, Topic},
    route::content::Content,
    store::{
        Acceptance, BusAdvance, BusPosition, EndState, LaneKey, NewDelivery, NewEvent, Reason,
        StoreError, StoreErrorKind,
    },
    text::{one_line, without_value},
};

/// How an event travels on a bus.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Wire {
    pub(crate) id: EventId,
    pub(crate) event: Event,
}

/// Reads one topic of a bus as one group.
pub(crate) struct Ingest {
    pub(crate) shared: Arc<Shared>,
    pub(crate) bus: Arc<dyn Bus>,
    pub(crate) topic: String,
    pub(crate) group: String,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// Envelopes stored in one transaction.
const BATCH: usize = 500;

/// The longest text about a rejection that is kept.
const LONGEST_DETAIL: usize = 500;

/// How long to wait before reading starts over.
const PAUSE: Duration = Duration::from_secs(1);

/// How far each partition is stored.
type Stored = BTreeMap<(String, u32), u64>;

impl Ingest {
    /// Reads until told to leave.
    pub(crate) async fn run(mut self) {
        loop {
            let reading = async {
                let error = Self::consume(&self.shared, &*self.bus, &self.topic, &self.group).await;
                tracing::warn!(error = %error, bus = self.bus.name(), "reading starts over");
                self.shared.clock.sleep(PAUSE).await;
            };
            tokio::select! {
                biased;
                _ = self.phase.wait_for(|phase| *phase != Phase::Running) => return,
                () = reading => {}
            }
        }
    }

    /// Subscribes, starts where the store stands, and reads until something fails.
    async fn consume(shared: &Shared, bus: &dyn Bus, topic: &str, group: &str) -> String {
        let topics = [topic.to_owned()];
        let result: Result<(), Box<dyn std::error::Error + Send + Sync>> = async {
            let mut subscription = bus.subscribe(&topics, group).await?;
            let mut stored = Stored::new();
            for position in shared.store.bus_positions(bus.name(), group).await? {
                subscription
                    .seek(Offset {
                        topic: position.topic.clone(),
                        partition: position.partition,
                        next: position.next,
                    })
                    .await?;
                stored.insert((position.topic, position.partition), position.next);
            }
            loop {
                let batch = subscription.next(BATCH).await?;
                Self::store(
                    shared,
                    bus.name(),
                    group,
                    &mut *subscription,
                    &mut stored,
                    batch,
                )
                .await?;
            }
        }
        .await;
        result
            .err()
            .map_or_else(String::new, |error| Chain(&*error).to_string())
    }

    async fn store(
        shared: &Shared,
        bus: &str,
        group: &str,
        subscription: &mut dyn Subscription,
        stored: &mut Stored,
        batch: Vec<Delivered>,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        let mut events = Vec::with_capacity(batch.len());
        let mut rejections = Vec::new();
        let mut reached = Stored::new();
        let mut draft = Vec::new();
        for delivered in batch {
            let key = (delivered.next.topic.clone(), delivered.next.partition);
            let behind = stored
                .get(&key)
                .is_some_and(|next| delivered.next.next <= *next);
            if behind {
                continue;
            }
            match Self::read(shared, &delivered.envelope.payload, &mut draft) {
                Ok(event) => events.push(event),
                Err(rejection) => rejections.push(*rejection),
            }
            let next = reached.entry(key).or_default();
            *next = (*next).max(delivered.next.next);
        }
        let offsets: Vec<Offset> = reached
            .iter()
            .map(|((topic, partition), next)| Offset {
                topic: topic.clone(),
                partition: *partition,
                next: *next,
            })
            .collect();
        if Mutant::AckBeforeCommit.is_active() {
            subscription.ack(offsets.clone()).await?;
        }
        if !events.is_empty() {
            let answers = Self::accept(shared, events.clone(), Vec::new()).await?;
            rejections.extend(conflicts(shared, events, &answers));
        }
        let advance = reached
            .iter()
            .map(|((topic, partition), next)| BusAdvance {
                expected: stored
                    .get(&(topic.clone(), *partition))
                    .copied()
                    .unwrap_or(0),
                position: BusPosition {
                    bus: bus.to_owned(),
                    group: group.to_owned(),
                    topic: topic.clone(),
                    partition: *partition,
                    next: *next,
                },
            })
            .collect();
        Self::accept(shared, rejections, advance).await?;
        stored.extend(reached);
        shared.bell.ring();
        let acked: Result<(), BusError> = subscription.ack(offsets).await;
        Ok(acked?)
    }

    async fn accept(
        shared: &Shared,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let accepted = shared.store.accept(events, advance).await;
        if let Err(error) = &accepted {
            let stale = error.kind() == StoreErrorKind::StalePosition;
            let what = if stale {
                "another consumer was faster"
            } else {
                "not stored"
            };
            tracing::warn!(error = %Chain(error), what, "events from the bus");
        }
        accepted
    }

    /// The planned event, or one that records why there is none.
    fn read(
        shared: &Shared,
        payload: &bytes::Bytes,
        draft: &mut Vec<u8>,
    ) -> Result<NewEvent, Box<NewEvent>> {
        let reason = Reason::Unreadable;
        let wire: Wire = match serde_json::from_slice(payload) {
            Ok(wire) => wire,
            Err(error) => {
                let why = format!("no event as JSON: {}", without_value(&error));
                let rejection = rejected(shared, None, None, None, reason, why);
                return Err(Box::new(rejection));
            }
        };
        let tenant = wire
            .event
            .tenant
            .as_deref()
            .and_then(|tenant| TenantId::new(tenant).ok());
        let topic = Topic::new(&wire.event.topic).ok();
        let prepare = AssertUnwindSafe(|| shared.planner.prepare(wire.event, draft));
        let why = match std::panic::catch_unwind(prepare) {
            Ok(Ok((prepared, _))) => {
                let (mut event, _) = prepared.into_parts();
                event.id = wire.id;
                return Ok(event);
            }
            Ok(Err(error)) => error.to_string(),
            // It would come again with every restart, and nothing behind it would be read.
            Err(_) => "a channel panicked over it".to_owned(),
        };
        tracing::warn!(event.id = %wire.id, error = why, "an event from the bus is invalid");
        let rejection = rejected(shared, Some(wire.id), tenant, topic, reason, why);
        Err(Box::new(rejection))
    }
}

/// A conflict cannot be told to the publisher any more, so it is recorded.
fn conflicts(
    shared: &Shared,
    events: Vec<NewEvent>,
    answers: &[Acceptance],
) -> impl Iterator<Item = NewEvent> {
    events
        .into_iter()
        .zip(answers)
        .filter_map(|(event, answer)| {
            let Acceptance::Conflict(with) = answer else {
                return None;
            };
            let NewEvent {
                id, tenant, topic, ..
            } = event;
            // With the id of another event it needs one of its own.
            let (id, why) = if *with == id {
                (None, format!("its id {id} is that of another event"))
            } else {
                (
                    Some(id),
                    format!("its key was used before, by event {with}"),
                )
            };
            let reason = Reason::Conflict;
            let rejection = rejected(shared, id, Some(tenant), Some(topic), reason, why);
            Some(rejection)
        })
}

/// An event whose only delivery is dead from the start.
fn rejected(
    shared: &Shared,
    id: Option<EventId>,
    tenant: Option<TenantId>,
    topic: Option<Topic>,
    reason: Reason,
    why: String,
) -> NewEvent {
    let tenant = tenant.unwrap_or_default();
    let lane_key = LaneKey::of(&tenant, "");
    let content = Content::new(Vec::new(), serde_json::Value::Null)
        .encode(&[])
        .unwrap_or_default();
    NewEvent {
        id: id.unwrap_or_else(|| shared.planner.ids.event()),
        topic: topic.unwrap_or_else(Topic::unreadable),
        class: Class::Standard,
        idempotency: None,
        content,
        attachments: Vec::new(),
        deliveries: vec![NewDelivery {
            id: shared.planner.ids.delivery(),
            recipient: 0,
            channel: None,
            lane_key,
            order_key: lane_key.0,
            order: Order::Unordered,
            address: None,
            sender: None,
            category: None,
            send_at: None,
            expires_at: None,
            ended: Some((EndState::Dead, reason)),
            detail: Some(one_line(why, LONGEST_DETAIL)),
        }],
        tenant,
    }
}
