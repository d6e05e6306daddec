use std::collections::BTreeMap;

use signalbus_core::{
    DeliveryId, EventId, TenantId, Timestamp,
    store::{
        Cancel, CancelAnswer, CancelTarget, Cancelled, DeliveryFilter, EndState, Entry, Paused,
        Reason, Redrive, RedriveContent, Redriven, Released, Selection, Suppression, Tally,
        Unsuppress,
    },
};

use super::{Delivery, Place, Reference};

impl Reference {
    pub(in super::super) fn cancel(
        &mut self,
        tenant: &TenantId,
        cancel: &Cancel,
    ) -> Vec<Cancelled> {
        let now = self.now;
        let is_meant = |delivery: &&mut Delivery| {
            delivery.tenant == *tenant
                && match cancel.target {
                    CancelTarget::Event(id) => delivery.event == id,
                    CancelTarget::Delivery(id) => delivery.id == id,
                    _ => false,
                }
        };
        let called_off = |in_flight| Entry::Cancelled {
            actor: cancel.actor.clone(),
            in_flight,
        };
        let meant = self.deliveries.iter_mut().filter(is_meant);
        let answers: Vec<Cancelled> = meant
            .map(|delivery| {
                let answer = match delivery.place {
                    Place::Ended { state, .. } => CancelAnswer::Ended(state),
                    Place::Sending { .. } => {
                        if !delivery.called_off {
                            delivery.called_off = true;
                            delivery.note(now, called_off(true));
                        }
                        CancelAnswer::InFlight
                    }
                    Place::Waiting | Place::Held => {
                        delivery.note(now, called_off(false));
                        delivery.finish(now, EndState::Cancelled, Reason::Cancelled);
                        CancelAnswer::Cancelled
                    }
                };
                let id = delivery.id;
                Cancelled { id, answer }
            })
            .collect();
        let off = |one: &&Cancelled| one.answer == CancelAnswer::Cancelled;
        self.decide(answers.iter().filter(off).map(|one| one.id).collect());
        answers
    }

    pub(in super::super) fn pause(&mut self, what: &Paused, reason: &str) -> bool {
        let new = self.pauses.iter().all(|(stands, _)| stands != what);
        if new {
            self.pauses.push((what.clone(), reason.to_owned()));
        }
        new
    }

    pub(in super::super) fn resume(&mut self, what: &Paused) -> bool {
        let before = self.pauses.len();
        self.pauses.retain(|(stands, _)| stands != what);
        self.pauses.len() < before
    }

    /// Why the pause that holds this one was made, if one does.
    pub(super) fn pause_of(&self, delivery: &Delivery) -> Option<String> {
        let channel = delivery.new.channel.as_ref()?;
        self.pauses
            .iter()
            .find(|(what, _)| what.holds(&delivery.tenant, &delivery.topic, channel))
            .map(|(_, reason)| reason.clone())
    }

    pub(in super::super) fn release(&mut self, limit: u32) -> Released {
        let free: Vec<DeliveryId> = self
            .deliveries
            .iter()
            .filter(|one| one.place == Place::Held && self.pause_of(one).is_none())
            .map(|one| one.id)
            .collect();
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = free.len() > limit;
        let mut released = 0;
        for id in free.into_iter().take(limit) {
            if let Some(delivery) = self.find_mut(id) {
                delivery.place = Place::Waiting;
                released += 1;
            }
        }
        Released { released, more }
    }

    pub(in super::super) fn redrive(&mut self, redrive: &Redrive) -> Redriven {
        let can = |delivery: &Delivery| {
            delivery.tenant == redrive.tenant
                && delivery.new.channel.is_some()
                && delivery.end().is_some_and(EndState::can_be_redriven)
        };
        let mut answer = Redriven::default();
        let mut chosen: Vec<DeliveryId> = Vec::new();
        match &redrive.selection {
            Selection::Ids(ids) => {
                for (id, generation) in ids {
                    let named = self
                        .find(*id)
                        .is_some_and(|found| can(found) && found.generation == *generation);
                    if named && !chosen.contains(id) {
                        chosen.push(*id);
                    } else {
                        answer.skipped.push(*id);
                    }
                }
            }
            Selection::Filter(filter) => {
                let matching = self.deliveries.iter().filter(|one| can(one));
                chosen.extend(
                    matching
                        .filter(|one| matches(filter, one))
                        .filter(|one| filter.reason.is_some() || !one.has_no_address())
                        .map(|one| one.id),
                );
            }
            _ => {}
        }
        let limit = usize::try_from(redrive.limit).unwrap_or(usize::MAX);
        answer.more = chosen.len() > limit;
        chosen.truncate(limit);
        for (nth, id) in (0..).zip(chosen) {
            let due = self.after(redrive.spacing.saturating_mul(nth));
            let now = self.now;
            if let Some(delivery) = self.find_mut(id) {
                answer.started.push((id, delivery.generation + 1));
                if !redrive.dry_run {
                    delivery.begin_anew(redrive, due, now);
                }
            }
        }
        answer
    }

    pub(in super::super) fn suppress(&mut self, suppression: &Suppression) {
        // All stay: the gravest is found first, and one that is taken off takes all along.
        self.suppressed.push(suppression.clone());
    }

    pub(in super::super) fn unsuppress(&mut self, which: &Unsuppress) -> bool {
        let before = self.suppressed.len();
        self.suppressed.retain(|listed| {
            (
                &listed.tenant,
                &listed.channel,
                listed.address,
                &listed.scope,
            ) != (&which.tenant, &which.channel, which.address, &which.scope)
        });
        self.suppressed.len() < before
    }

    /// Events that a purge may forget.
    pub(in super::super) fn purgeable(&self, before: Timestamp) -> Vec<(TenantId, EventId)> {
        let ended = |delivery: &Delivery| match delivery.place {
            Place::Ended { at, .. } => at < before,
            _ => false,
        };
        let is_over = |id| {
            let mut deliveries = self.deliveries.iter().filter(|one| one.event == id);
            deliveries.all(ended)
        };
        self.events
            .iter()
            .filter(|event| event.accepted_at < before && is_over(event.new.id))
            .map(|event| (event.new.tenant.clone(), event.new.id))
            .collect()
    }

    pub(in super::super) fn forget(&mut self, event: EventId) {
        let gone: Vec<DeliveryId> = self
            .deliveries
            .extract_if(.., |delivery| delivery.event == event)
            .map(|delivery| delivery.id)
            .collect();
        self.receipts
            .retain(|noted| noted.delivery.is_none_or(|id| !gone.contains(&id)));
        self.events.retain(|known| known.new.id != event);
    }

    /// All deliveries, counted.
    pub(in super::super) fn tally(&self) -> Vec<Tally> {
        let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
        for record in self.deliveries.iter().filter_map(Delivery::record) {
            let (tenant, channel) = (record.tenant, record.channel);
            let (state, reason) = (record.state, record.reason);
            let since = record.due.unwrap_or(record.accepted_at);
            let tally = tallies
                .entry(format!("{tenant:?} {channel:?} {state:?} {reason:?}"))
                .or_insert_with(|| Tally {
                    tenant,
                    channel,
                    state,
                    reason,
                    count: 0,
                    oldest: Some(since),
                });
            tally.count += 1;
            tally.oldest = tally.oldest.min(Some(since));
        }
        tallies.into_values().collect()
    }
}

impl Delivery {
    fn begin_anew(&mut self, redrive: &Redrive, due: Timestamp, now: Timestamp) {
        let ended = self.generation;
        self.place = Place::Waiting;
        self.due = due;
        self.generation += 1;
        self.attempt = 0;
        self.tries = 0;
        self.memo = None;
        self.after = None;
        self.waits_since = None;
        self.failures = 0;
        self.suspicion = 0;
        self.called_off = false;
        self.receipt = None;
        self.expires_at = redrive.expires_at.or(self.expires_at);
        if redrive.content == RedriveContent::Fresh {
            self.rendering = None;
        }
        self.note(
            now,
            Entry::Redriven {
                actor: redrive.actor.clone(),
                ended,
                began: ended + 1,
            },
        );
    }
}

/// What the filters of the model ask for.
fn matches(filter: &DeliveryFilter, delivery: &Delivery) -> bool {
    filter
        .topic
        .as_ref()
        .is_none_or(|topic| *topic == delivery.topic)
}
