use std::{collections::BTreeMap, sync::Arc};

use super::{
    row::{Phase, Row, Special},
    tables::{BusKey, EventRow, Keyed, Tables},
};
use crate::{
    clock::Timestamp,
    mutant::Mutant,
    store::{
        Acceptance, BusAdvance, BusPosition, Group, IdempotencyRecord, NewDelivery, NewEvent,
        Position, StoreError, StoreErrorKind, StoredEvent,
    },
};

impl Tables {
    pub(super) fn accept(
        &mut self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
        now: Timestamp,
    ) -> Result<Vec<Acceptance>, StoreError> {
        events.iter().try_for_each(Self::check)?;
        let mut moved = self.check_positions(advance)?;
        self.bus.append(&mut moved);
        Ok(events
            .into_iter()
            .map(|event| self.accept_one(event, now))
            .collect())
    }

    pub(super) fn bus_positions(&self, bus: &str, group: &str) -> Vec<BusPosition> {
        self.bus
            .iter()
            .filter(|((of_bus, of_group, ..), _)| of_bus == bus && of_group == group)
            .map(|((bus, group, topic, partition), next)| BusPosition {
                bus: bus.clone(),
                group: group.clone(),
                topic: topic.clone(),
                partition: *partition,
                next: *next,
            })
            .collect()
    }

    pub(super) fn check(event: &NewEvent) -> Result<(), StoreError> {
        let lost = |delivery: &NewDelivery| delivery.channel.is_none() && delivery.ended.is_none();
        if event.deliveries.iter().any(lost) {
            return Err(StoreError::new(
                StoreErrorKind::Invalid,
                "a delivery without a channel must say how it ended",
            ));
        }
        Ok(())
    }

    /// The positions as they will be, or an error when one is not where it was expected.
    fn check_positions(
        &self,
        advance: Vec<BusAdvance>,
    ) -> Result<BTreeMap<BusKey, u64>, StoreError> {
        let mut moved = BTreeMap::new();
        for BusAdvance { position, expected } in advance {
            let key = (
                position.bus,
                position.group,
                position.topic,
                position.partition,
            );
            let stands = moved.get(&key).or_else(|| self.bus.get(&key));
            if stands.copied().unwrap_or(0) != expected {
                return Err(StoreError::new(
                    StoreErrorKind::StalePosition,
                    "another consumer moved the position on the bus: read it again and go on there",
                ));
            }
            moved.insert(key, position.next);
        }
        Ok(moved)
    }

    pub(super) fn accept_one(&mut self, event: NewEvent, now: Timestamp) -> Acceptance {
        let hashed = event.idempotency.as_ref().map(IdempotencyRecord::hashed);
        if let Some(answer) = self.seen(&event, hashed, now) {
            return answer;
        }
        let waits = event.deliveries.iter().any(|one| one.after.is_some());
        let due = |delivery: &NewDelivery| delivery.due(&event);
        let dues: Vec<_> = match waits {
            true => event.deliveries.iter().map(due).collect(),
            false => Vec::new(),
        };
        let number = self.events.next();
        let bytes = event.file_bytes();
        let key = event.idempotency.zip(hashed).map(|(idempotency, key)| {
            let keyed = Keyed {
                event: number,
                fingerprint: idempotency.fingerprint,
            };
            let keys = self.keys.entry(event.tenant.clone()).or_default();
            keys.insert(key, keyed);
            key
        });
        let stored = Arc::new(StoredEvent {
            id: event.id,
            tenant: event.tenant,
            topic: event.topic,
            class: event.class,
            accepted_at: now,
            content: event.content,
        });
        let first = self.rows.next();
        let open = event
            .deliveries
            .iter()
            .any(|delivery| delivery.ended.is_none());
        for (nth, delivery) in event.deliveries.into_iter().enumerate() {
            let due = dues.get(nth).copied().unwrap_or(delivery.send_at);
            self.add((&stored, number, bytes), delivery, due, now);
        }
        self.events.push(EventRow {
            stored,
            parent: event.parent,
            key,
            recipients: event.recipients.into_iter().map(Into::into).collect(),
            // With nothing to send there is nothing to tell.
            secret: event.secret.filter(|_| open),
            files: event.attachments,
            first,
            end: self.rows.next(),
        });
        self.event_ids.insert(event.id.as_uuid(), number);
        Acceptance::Accepted
    }

    /// The answer when the id or the key of this event was used before.
    fn seen(
        &self,
        event: &NewEvent,
        hashed: Option<[u8; 32]>,
        now: Timestamp,
    ) -> Option<Acceptance> {
        if self.event_ids.get(event.id.as_uuid()).is_some() {
            return Some(match self.event_of(&event.tenant, event.id) {
                // The same call again, after its answer was lost.
                Some(_) => Acceptance::Accepted,
                None => Acceptance::Conflict(event.id),
            });
        }
        let asked = event.idempotency.as_ref()?;
        let keyed = self.keys.get(&event.tenant)?.get(&hashed?)?;
        let known = self.events.get(keyed.event)?;
        if Mutant::KeyAfterEvent.is_active() && known.stored.accepted_at >= now {
            return None;
        }
        Some(if keyed.fingerprint == asked.fingerprint {
            Acceptance::Duplicate(StoredEvent::clone(&known.stored))
        } else {
            Acceptance::Conflict(known.stored.id)
        })
    }

    fn add(
        &mut self,
        (event, number, bytes): (&Arc<StoredEvent>, i64, u64),
        delivery: NewDelivery,
        due: Option<Timestamp>,
        now: Timestamp,
    ) {
        if let Some(channel) = &delivery.channel
            && !self.channels.contains(channel)
        {
            self.channels.push(channel.clone());
        }
        let group = delivery.channel.map(|channel| Group {
            tenant: event.tenant.clone(),
            lane: delivery.recipient_key.lane(Some(&channel), self.lane_count),
            channel,
            pool: delivery.pool,
            retry: false,
        });
        let after = delivery.after;
        let special = Special {
            after,
            gather: delivery.gather,
            watched: delivery.watched,
            waits_since: None,
        };
        let is_special = after.is_some() || special.gather.is_some() || special.watched;

        let position = Position(self.rows.push(Box::new(Row {
            id: delivery.id,
            event: Arc::clone(event),
            number,
            bytes,
            recipient: delivery.recipient,
            group,
            order_key: delivery.order_key,
            order: delivery.order,
            address: delivery.address,
            sender: delivery.sender.map(Into::into),
            category: delivery.category.map(Into::into),
            expires_at: delivery.expires_at,
            phase: Phase::Ready,
            due: due.map_or(now, |at| at.max(now)),
            generation: 0,
            attempt: 0,
            tries: 0,
            failures: 0,
            suspicion: 0,
            cancel_requested: false,
            rendering: None,
            memo: None,
            special: is_special.then(|| Box::new(special)),
            provider: None,
            provider_message_id: None,
            receipts: None,
            history: Vec::new(),
        })));
        self.ids.insert(delivery.id.as_uuid(), position);
        match delivery.ended {
            None => {
                self.open(position);
                self.enqueue(position, now);
                if let Some(row) = self.rows.get(position.0) {
                    self.siblings.add(row, position);
                }
            }
            Some((state, reason)) => {
                self.end_untried(position, state, reason, delivery.detail, now);
            }
        }
    }
}

impl EventRow {
    /// The places of its deliveries.
    pub(super) fn positions(&self) -> impl Iterator<Item = Position> + use<> {
        (self.first..self.end).map(Position)
    }
}
