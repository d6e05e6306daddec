use signalbus_core::store::{LaneHolding, LaneRequest};

use super::{Lane, Reference};

impl Reference {
    /// Which free lanes a worker takes is the store's own choice: checks that it may, and learns
    /// it.
    pub(in super::super) fn hold(
        &mut self,
        request: &LaneRequest,
        told: &LaneHolding,
    ) -> Result<(), String> {
        let (worker, now) = (request.worker, self.monotonic);
        let until = now + request.lease;
        self.wanting
            .retain(|(other, until)| *until > now && *other != worker);
        if request.take {
            self.wanting.push((worker, until));
        }
        for (id, lane) in (0..).zip(&mut self.lanes) {
            if lane.owner == Some(worker) {
                lane.until = until;
                if request.release.iter().any(|given| given.0 == id) {
                    lane.owner = None;
                }
            }
        }
        let owned = |lane: &&Lane| lane.owner == Some(worker);
        let kept = self.lanes.iter().filter(owned).count();
        for (nth, lease) in told.leases.iter().enumerate() {
            let twice = told.leases[..nth].iter().any(|one| one.lane == lease.lane);
            let lane = self
                .lanes
                .get_mut(usize::from(lease.lane.0))
                .filter(|_| !twice)
                .ok_or_else(|| format!("no such lease: {lease:?}"))?;
            if lease.remaining != request.lease {
                return Err(format!("the lease runs {:?}", lease.remaining));
            }
            if lane.owner == Some(worker) {
                if lane.epoch != lease.epoch {
                    return Err(format!("{lane:?} was renewed under {:?}", lease.epoch));
                }
                continue;
            }
            let free = lane.owner.is_none() || lane.until <= now;
            if !request.take || !free {
                return Err(format!("lane {} was not to be taken: {lane:?}", lease.lane));
            }
            if lease.epoch <= lane.epoch {
                return Err(format!("{lane:?} was taken under {:?}", lease.epoch));
            }
            *lane = Lane {
                epoch: lease.epoch,
                owner: Some(worker),
                until,
            };
        }
        let held = self.lanes.iter().filter(owned).count();
        if held != told.leases.len() {
            return Err(format!("{held} lanes are its own, and it is told {told:?}"));
        }
        self.check_share(request, told, kept)
    }

    /// Lanes are shared out evenly among the workers that want some.
    fn check_share(
        &self,
        request: &LaneRequest,
        told: &LaneHolding,
        kept: usize,
    ) -> Result<(), String> {
        let workers = self.wanting.len().max(1);
        let least = self.lanes.len() / workers;
        let most = self.lanes.len().div_ceil(workers);
        let held = told.leases.len();
        let is_its_own = |lane| told.leases.iter().any(|lease| lease.lane == lane);
        if !told.surplus.iter().all(|lane| is_its_own(*lane)) {
            return Err(format!("a surplus of what it has not: {told:?}"));
        }
        let keeps = held - told.surplus.len();
        let right = if request.take {
            let free = self
                .lanes
                .iter()
                .any(|lane| lane.owner.is_none() || lane.until <= self.monotonic);
            (held == kept || held <= most)
                && (held >= least || !free)
                && keeps >= held.min(least)
                && (held <= most || keeps <= most)
        } else {
            keeps == 0
        };
        if right {
            Ok(())
        } else {
            Err(format!(
                "a share of {workers} workers is {least} to {most}; kept {kept}: {told:?}"
            ))
        }
    }
}
