use signalbus_core::store::{Acceptance, BusAdvance, LaneId, NewEvent, StoreErrorKind};

use super::{Delivery, Event, Place, Reference};

impl Reference {
    pub(in super::super) fn accept(
        &mut self,
        events: &[NewEvent],
        advance: &[BusAdvance],
    ) -> Result<Vec<Acceptance>, StoreErrorKind> {
        for BusAdvance { position, expected } in advance {
            let position = position.clone();
            let key = (
                position.bus,
                position.group,
                position.topic,
                position.partition,
            );
            if self.bus.get(&key).copied().unwrap_or(0) != *expected {
                return Err(StoreErrorKind::StalePosition);
            }
            self.bus.insert(key, position.next);
        }
        Ok(events.iter().map(|event| self.accept_one(event)).collect())
    }

    fn accept_one(&mut self, event: &NewEvent) -> Acceptance {
        if let Some(known) = self.events.iter().find(|known| known.new.id == event.id) {
            return if known.new.tenant == event.tenant {
                Acceptance::Accepted
            } else {
                Acceptance::Conflict(event.id)
            };
        }
        let key_of = |event: &NewEvent| {
            let record = event.idempotency.clone()?;
            Some((event.tenant.clone(), record.key, record.fingerprint))
        };
        if let Some((tenant, key, fingerprint)) = key_of(event) {
            let known = self.events.iter().find_map(|known| {
                let (of, text, content) = key_of(&known.new)?;
                (of == tenant && text == key).then_some((known.new.id, content))
            });
            if let Some((id, content)) = known {
                return match self.stored(id) {
                    Some(stored) if content == fingerprint => Acceptance::Duplicate(stored),
                    _ => Acceptance::Conflict(id),
                };
            }
        }
        self.events.push(Event {
            new: event.clone(),
            accepted_at: self.now,
        });
        for new in &event.deliveries {
            let lane: LaneId = new.lane_key.lane(new.channel.as_ref(), self.count);
            let mut delivery = Delivery {
                id: new.id,
                event: event.id,
                tenant: event.tenant.clone(),
                topic: event.topic.clone(),
                class: event.class,
                lane,
                accepted_at: self.now,
                position: None,
                place: Place::Waiting,
                due: new.due(event).map_or(self.now, |at| at.max(self.now)),
                expires_at: new.expires_at,
                generation: 0,
                attempt: 0,
                tries: 0,
                failures: 0,
                suspicion: 0,
                called_off: false,
                rendering: None,
                memo: None,
                after: new.after,
                waits_since: None,
                provider: None,
                message: None,
                receipt: None,
                history: Vec::new(),
                new: new.clone(),
            };
            if let Some((state, reason)) = new.ended.clone() {
                delivery.finish_untried(self.now, state, reason, new.detail.clone());
            }
            self.deliveries.push(delivery);
        }
        Acceptance::Accepted
    }
}
