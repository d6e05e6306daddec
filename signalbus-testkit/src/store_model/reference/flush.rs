use std::sync::Arc;

use signalbus_core::{
    Timestamp,
    store::{
        AttemptOutcome, Claim, ClaimAnswer, Claimed, Effect, EndState, Entry, LaneLease, Next,
        Reason, Refusal, Settle, SettleAnswer, Take, Verdict, Why,
    },
};

use super::{Delivery, Place, Reference};

impl Reference {
    pub(in super::super) fn settle(
        &mut self,
        leases: &[LaneLease],
        settle: &Settle,
    ) -> SettleAnswer {
        if !self.owned(leases).contains(&settle.lane) {
            return SettleAnswer::LaneLost;
        }
        let now = self.now;
        let due = match settle.next {
            Next::Retry(wait) => Some(self.after(wait)),
            Next::Later { until, .. } => Some(until),
            _ => None,
        };
        let waits_since = matches!(settle.next, Next::Retry(_)).then_some(now);
        let Some(delivery) = self.find_mut(settle.id).filter(|delivery| {
            delivery.position == Some(settle.position)
                && delivery.lane == settle.lane
                && delivery.generation == settle.generation
                && delivery.attempt == settle.attempt
                && matches!(delivery.place, Place::Sending { .. })
        }) else {
            return SettleAnswer::Already;
        };
        delivery.tries = settle.tries;
        delivery.memo.clone_from(&settle.memo);
        delivery.failures = settle.failures;
        delivery.suspicion = settle.suspicion;
        if let Some(rendering) = &settle.rendering {
            delivery.rendering = Some(rendering.clone());
        }
        delivery.note(now, Entry::Attempt(settle.record.clone()));
        match &settle.next {
            Next::End(state, reason) => delivery.finish(now, *state, reason.clone()),
            _ if delivery.called_off => {
                delivery.finish_untried(now, EndState::Cancelled, Reason::Cancelled, None);
            }
            _ => {
                delivery.place = Place::Waiting;
                delivery.due = due.unwrap_or(delivery.due);
                delivery.waits_since = waits_since;
            }
        }
        if let AttemptOutcome::Accepted { id } = &settle.record.outcome {
            delivery.provider.clone_from(&settle.record.provider);
            delivery.message.clone_from(id);
        }
        for effect in &settle.effects {
            if let Effect::Suppress(suppression) = effect {
                self.suppress(suppression);
            }
        }
        for back in &settle.refunds {
            if let Some((used, _)) = self.counters.get_mut(&back.counter) {
                *used = used.saturating_add_signed(-back.amount);
            }
        }
        self.resolve(settle.id);
        self.apply_parked(settle.id);
        if self.find(settle.id).is_some_and(|one| one.end().is_some()) {
            self.decide(vec![settle.id]);
        }
        SettleAnswer::Applied
    }

    pub(in super::super) fn claim(&mut self, leases: &[LaneLease], claim: &Claim) -> ClaimAnswer {
        if !self.owned(leases).contains(&claim.lane) {
            return ClaimAnswer::LaneLost;
        }
        let (now, current) = (self.now, self.epoch(claim.lane));
        let moved = ClaimAnswer::Refused(Refusal::Moved);
        let Some(delivery) = self.find(claim.id).filter(|delivery| {
            delivery.position == Some(claim.position)
                && delivery.lane == claim.lane
                && delivery.generation == claim.generation
        }) else {
            return moved;
        };
        match delivery.place {
            Place::Sending { epoch, .. }
                if epoch == current && delivery.attempt == claim.attempt =>
            {
                return self.claimed(claim).unwrap_or(moved);
            }
            Place::Waiting if delivery.attempt + 1 == claim.attempt => {}
            _ => return moved,
        }
        if self.is_held_back(delivery) || !self.is_due(delivery) {
            return moved;
        }
        // Of the gravest the first, as the list has only one of each key and the last is found last.
        let suppressed = self.suppressed.iter().rev().filter(|listed| {
            listed
                .tenant
                .as_ref()
                .is_none_or(|of| *of == delivery.tenant)
                && Some(&listed.channel) == delivery.new.channel.as_ref()
                && Some(listed.address) == delivery.new.address
        });
        let gravest = suppressed.max_by_key(|listed| listed.cause.gravity());
        let detail = gravest.map(|listed| String::from(listed.cause.clone()));
        let obstacle = if delivery.has_evidence() {
            Some((Refusal::Moved, EndState::Accepted, Reason::Receipt))
        } else if delivery.expires_at.is_some_and(|at| at <= now) {
            Some((Refusal::Expired, EndState::Expired, Reason::Expired))
        } else if self.is_reached(delivery) {
            Some((Refusal::NotNeeded, EndState::NotNeeded, Reason::Reached))
        } else if detail.is_some() {
            Some((
                Refusal::Suppressed,
                EndState::Suppressed,
                Reason::Suppressed,
            ))
        } else {
            None
        };
        let paused = self.pause_of(delivery);
        let Some(delivery) = self.find_mut(claim.id) else {
            return moved;
        };
        if let Some((refusal, state, reason)) = obstacle {
            let detail = detail.filter(|_| reason == Reason::Suppressed);
            delivery.finish_untried(now, state, reason, detail);
            self.decide(vec![claim.id]);
            return ClaimAnswer::Refused(refusal);
        }
        if let Some(reason) = paused {
            delivery.place = Place::Held;
            delivery.note(now, Entry::Held { reason });
            return ClaimAnswer::Refused(Refusal::Held);
        }
        delivery.attempt = claim.attempt;
        if let Some(until) = self.too_little(claim) {
            let why = Why::Capped;
            let Some(delivery) = self.find_mut(claim.id) else {
                return moved;
            };
            delivery.due = until;
            delivery.waits_since = None;
            delivery.note(now, Entry::PutOff { until, why });
            return ClaimAnswer::Later { until };
        }
        let Some(delivery) = self.find_mut(claim.id) else {
            return moved;
        };
        delivery.place = Place::Sending {
            epoch: current,
            claimed_at: now,
            alone: claim.alone,
        };
        self.claimed(claim).unwrap_or(moved)
    }

    /// Takes what the claim takes; else says until when it has to wait.
    fn too_little(&mut self, claim: &Claim) -> Option<Timestamp> {
        let now = self.now;
        let left = |used: u64, take: &Take| used + u64::from(take.amount) <= take.limit;
        // A story takes from one counter at most.
        let take = claim.takes.first()?;
        let known = self.counters.get(&take.counter).copied();
        let (used, until) = known
            .filter(|(_, until)| *until > now)
            .unwrap_or((0, take.until));
        if !left(used, take) {
            return Some(until);
        }
        let taken = (used + u64::from(take.amount), until);
        self.counters.insert(take.counter, taken);
        None
    }

    pub(in super::super) fn forget_counters(&mut self) {
        let now = self.now;
        self.counters.retain(|_, (_, until)| *until > now);
    }

    /// Whether the delivery that this one waits for has reached its recipient.
    fn is_reached(&self, delivery: &Delivery) -> bool {
        delivery.after.is_some_and(|after| {
            let sibling = self
                .find(after.sibling)
                .filter(|sibling| sibling.tenant == delivery.tenant);
            sibling.is_some_and(|sibling| {
                let (state, reason, rank) = sibling.standing();
                after.verdict(state, reason.as_ref(), rank) == Verdict::NotNeeded
            })
        })
    }

    fn claimed(&self, claim: &Claim) -> Option<ClaimAnswer> {
        let delivery = self.find(claim.id)?;
        let of = delivery.event;
        let known = self.events.iter().find(|event| event.new.id == of)?;
        let place = usize::try_from(delivery.new.recipient).unwrap_or(usize::MAX);
        let own = known.new.recipients.get(place);
        let own = own.filter(|_| !known.erased.contains(&place));
        let event = Arc::new(self.stored(delivery.event)?);
        let mut claimed = Claimed::new(event, delivery.new.recipient);
        claimed.address = delivery.new.address;
        claimed.own = own.map(|one| one.content.clone());
        claimed.secret.clone_from(&known.new.secret);
        claimed.rendering.clone_from(&delivery.rendering);
        Some(ClaimAnswer::Claimed(claimed))
    }
}
