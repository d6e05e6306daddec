//! Which worlds are the same.

use std::{fmt::Write as _, time::Duration};

use super::world::{TICK, Worker, World};
use crate::{
    id::WorkerId,
    store::{ClaimAnswer, LaneLease, Settle},
};

impl World {
    /// Two worlds with the same key have the same future: times and epochs count from now.
    pub(super) fn key(&self) -> String {
        let mut key = String::new();
        let left = |until: Duration| until.saturating_sub(self.now).as_secs();
        let bounds = &self.bounds;
        let _ = write!(
            key,
            "{} {} {} {}|",
            bounds.crashes, bounds.lost_answers, bounds.departures, self.incarnations
        );
        for lane in self.store.lanes() {
            // A lane that lapsed, of somebody who is gone, is as good as free.
            let lives = |id: &WorkerId| self.workers.iter().any(|one| one.id == *id && one.runs);
            let owner = lane.owner.filter(|id| lives(id) || lane.until > self.now);
            let until = owner.map_or(0, |_| left(lane.until));
            let _ = write!(key, "{:?} {until}|", owner.map(short));
        }
        for (id, until) in self.store.workers() {
            if left(until) > 0 {
                let _ = write!(key, "{} {}|", short(id), left(until));
            }
        }
        for row in self.store.rows() {
            let current = |epoch| row.lane.map(|lane| self.lane(lane).epoch) == Some(epoch);
            let hold = row.claimed.map(current);
            let _ = write!(key, "{} {} {hold:?}|", row.state.as_str(), row.attempt);
        }
        for worker in &self.workers {
            self.write_worker(&mut key, worker);
        }
        let _ = write!(
            key,
            "{:?}{:?}{:?}",
            self.sent, self.settled, self.interrupted
        );
        key
    }

    fn write_worker(&self, key: &mut String, worker: &Worker) {
        let leases = |key: &mut String, leases: &[LaneLease]| {
            for lease in leases {
                let current = self.lane(lease.lane).epoch == lease.epoch;
                let _ = write!(key, "{:?}{current}", lease.lane);
            }
        };
        let _ = write!(key, "{} {}", short(worker.id), worker.runs);
        leases(key, &worker.lanes.all());
        for lease in worker.lanes.all() {
            let safe = |ticks: &u32| worker.lanes.is_safe(lease.lane, self.now + TICK * *ticks);
            let _ = write!(key, " {}", (0..3).take_while(safe).count());
        }
        let _ = write!(key, "{:?}", worker.lanes.leaving());
        for ready in &worker.ready {
            let _ = write!(key, "r{}.{}", ready.position.0, ready.attempt);
        }
        for ready in &worker.flights {
            let _ = write!(key, "f{}.{}", ready.position.0, ready.attempt);
        }
        let results = |key: &mut String, settles: &[Settle]| {
            for settle in settles {
                let (position, attempt) = (settle.position.0, settle.attempt);
                let _ = write!(key, "s{position}.{attempt}{:?}", settle.next);
            }
        };
        results(key, &worker.results);
        if let Some(unheard) = &worker.unheard {
            leases(key, &unheard.leases);
            results(key, &unheard.flush.settles);
            for (claim, answer) in unheard.flush.claims.iter().zip(&unheard.answers) {
                let granted = matches!(answer, ClaimAnswer::Claimed(_));
                let _ = write!(key, "c{}.{}{granted}", claim.position.0, claim.attempt);
            }
        }
        key.push('|');
    }
}

fn short(id: WorkerId) -> u128 {
    id.as_uuid().as_u128()
}
