use std::sync::Arc;

use super::{
    lanes::Held,
    row::{Hold, Phase, Row},
    tables::Tables,
};
use crate::{
    clock::Timestamp,
    id::DeliveryId,
    mutant::Mutant,
    store::{
        Claim, ClaimAnswer, Claimed, EndState, Entry, Flush, Flushed, LaneId, LaneLease, Position,
        Reason, Refusal, Verdict, Why, take_all,
    },
};

impl Tables {
    /// Results before claims: a suppression learned from a result refuses a claim beside it.
    pub(super) fn flush(&mut self, leases: &[LaneLease], flush: &Flush, now: Timestamp) -> Flushed {
        let held = self.lanes.confirm(leases);
        let settles = flush
            .settles
            .iter()
            .map(|settle| self.settle(&held, settle, now))
            .collect();
        self.decide_siblings(&flush.settles, now);
        let claims = flush
            .claims
            .iter()
            .map(|claim| self.claim(&held, claim, now))
            .collect();
        Flushed {
            now,
            claims,
            settles,
        }
    }

    /// The row that a claim or result names by place, id and lane.
    pub(super) fn named(&self, position: Position, id: DeliveryId, lane: LaneId) -> Option<&Row> {
        self.rows
            .get(position.0)
            .map(Box::as_ref)
            .filter(|row| row.id == id && row.lane() == Some(lane))
    }

    fn claim(&mut self, held: &Held, claim: &Claim, now: Timestamp) -> ClaimAnswer {
        let Some(epoch) = held.epoch(claim.lane) else {
            return ClaimAnswer::LaneLost;
        };
        let Some(row) = self
            .named(claim.position, claim.id, claim.lane)
            .filter(|row| row.generation == claim.generation)
        else {
            return ClaimAnswer::Refused(Refusal::Moved);
        };
        match row.phase {
            Phase::Sending(hold) if hold.epoch == epoch && row.attempt == claim.attempt => {
                ClaimAnswer::Claimed(self.claimed(row))
            }
            Phase::Ready
                if row.attempt.checked_add(1) == Some(claim.attempt)
                    && row.is_due(now)
                    && !self.is_held_back(row, claim.position, |_, _| false) =>
            {
                match self.obstacle(row, now) {
                    Some(Obstacle {
                        refusal,
                        state,
                        reason,
                        detail,
                    }) => {
                        self.end_untried(claim.position, state, reason, detail, now);
                        ClaimAnswer::Refused(refusal)
                    }
                    None => self.hold_or_begin(
                        claim,
                        Hold {
                            epoch,
                            claimed_at: now,
                            alone: claim.alone,
                        },
                        now,
                    ),
                }
            }
            _ => ClaimAnswer::Refused(Refusal::Moved),
        }
    }

    /// Why a waiting delivery must not be sent, and how it ends instead.
    fn obstacle(&self, row: &Row, now: Timestamp) -> Option<Obstacle> {
        let obstacle = |refusal, state, reason, detail| Obstacle {
            refusal,
            state,
            reason,
            detail,
        };
        if row.has_evidence() {
            let (state, reason) = (EndState::Accepted, Reason::Receipt);
            return Some(obstacle(Refusal::Moved, state, reason, None));
        }
        let late = Mutant::RetryPastExpiry.is_active() && row.attempt > 0;
        if row.expires_at.is_some_and(|at| at <= now) && !late {
            let (state, reason) = (EndState::Expired, Reason::Expired);
            return Some(obstacle(Refusal::Expired, state, reason, None));
        }
        if self.verdict(row) == Verdict::NotNeeded {
            let (state, reason) = (EndState::NotNeeded, Reason::Reached);
            return Some(obstacle(Refusal::NotNeeded, state, reason, None));
        }
        let why = String::from(self.suppressions.of(row)?.cause.clone());
        let (state, reason) = (EndState::Suppressed, Reason::Suppressed);
        Some(obstacle(Refusal::Suppressed, state, reason, Some(why)))
    }

    fn hold_or_begin(&mut self, claim: &Claim, hold: Hold, now: Timestamp) -> ClaimAnswer {
        let row = self.rows.get(claim.position.0);
        let pause = row.and_then(|row| self.pause_of(row));
        match pause.map(|pause| pause.reason.clone()) {
            Some(_) if Mutant::PausesIgnored.is_active() => self.begin(claim, hold, now),
            Some(reason) => {
                self.hold(claim.position, reason, now);
                ClaimAnswer::Refused(Refusal::Held)
            }
            None => self.begin(claim, hold, now),
        }
    }

    fn begin(&mut self, claim: &Claim, hold: Hold, now: Timestamp) -> ClaimAnswer {
        if let Err(until) = take_all(&mut self.counters, &claim.takes, now) {
            return self.put_off(claim, until, now);
        }
        if Mutant::ClaimNotWritten.is_active()
            && let Some(row) = self.rows.get(claim.position.0)
        {
            return ClaimAnswer::Claimed(self.claimed(row));
        }
        self.dequeue(claim.position);
        self.lanes.at(claim.lane).claimed.insert(claim.position);
        let Some(row) = self.rows.get_mut(claim.position.0) else {
            return ClaimAnswer::Refused(Refusal::Moved);
        };
        row.phase = Phase::Sending(hold);
        row.attempt = claim.attempt;
        match self.rows.get(claim.position.0) {
            Some(row) => ClaimAnswer::Claimed(self.claimed(row)),
            None => ClaimAnswer::Refused(Refusal::Moved),
        }
    }

    fn put_off(&mut self, claim: &Claim, until: Timestamp, now: Timestamp) -> ClaimAnswer {
        self.wait(claim.position, until, None, now);
        if let Some(row) = self.rows.get_mut(claim.position.0) {
            row.attempt = claim.attempt;
            let why = Why::Capped;
            row.note(now, Entry::PutOff { until, why });
        }
        ClaimAnswer::Later { until }
    }

    fn claimed(&self, row: &Row) -> Claimed {
        let event = self.events.get(row.number);
        let place = usize::try_from(row.recipient).unwrap_or(usize::MAX);
        let own = event.and_then(|event| event.recipients.get(place)?.content.clone());
        Claimed {
            event: Arc::clone(&row.event),
            recipient: row.recipient,
            address: row.address,
            own,
            secret: event.and_then(|event| event.secret.clone()),
            rendering: row.rendering.clone(),
        }
    }
}

/// What stands against a claim, and how the delivery ends for it.
struct Obstacle {
    refusal: Refusal,
    state: EndState,
    reason: Reason,
    detail: Option<String>,
}
