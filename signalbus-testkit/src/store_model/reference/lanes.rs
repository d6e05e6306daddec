use signalbus_core::{
    ChannelName,
    store::{LaneHolding, LaneRequest, Space, SpaceId},
};

use super::{Lane, Place, Reference};

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
        let wants: Vec<SpaceId> = request.spaces.iter().map(Space::id).collect();
        self.wanting
            .retain(|(other, until, _)| *until > now && *other != worker);
        if !wants.is_empty() {
            self.wanting.push((worker, until, wants.clone()));
        }
        for space in &wants {
            for number in 0..self.count {
                self.lanes.entry(space.lane(number)).or_default();
            }
        }
        for (id, lane) in &mut self.lanes {
            if lane.owner == Some(worker) {
                lane.until = until;
                if request.release.contains(id) {
                    lane.owner = None;
                }
            }
        }
        let kept: Vec<usize> = wants
            .iter()
            .map(|space| self.held(request, *space))
            .collect();
        for (nth, lease) in told.leases.iter().enumerate() {
            let twice = told.leases[..nth].iter().any(|one| one.lane == lease.lane);
            let lane = self
                .lanes
                .get_mut(&lease.lane)
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
            if !wants.contains(&lease.lane.space()) || !free {
                return Err(format!(
                    "lane {:?} was not to be taken: {lane:?}",
                    lease.lane
                ));
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
        let owned = |lane: &&Lane| lane.owner == Some(worker);
        let held = self.lanes.values().filter(owned).count();
        if held != told.leases.len() {
            return Err(format!("{held} lanes are its own, and it is told {told:?}"));
        }
        let is_its_own = |lane| told.leases.iter().any(|lease| lease.lane == lane);
        if !told.surplus.iter().all(|lane| is_its_own(*lane)) {
            return Err(format!("a surplus of what it has not: {told:?}"));
        }
        for (space, kept) in wants.iter().zip(kept) {
            self.check_share(*space, told, kept)?;
        }
        let unwanted = |lane: &signalbus_core::store::LaneLease| {
            !wants.contains(&lane.lane.space()) && !told.surplus.contains(&lane.lane)
        };
        match told.leases.iter().find(|lease| unwanted(lease)) {
            Some(lease) => Err(format!("it is to keep {lease:?}, which it does not want")),
            None => Ok(()),
        }
    }

    fn held(&self, request: &LaneRequest, space: SpaceId) -> usize {
        let its = |(id, lane): &(&signalbus_core::store::LaneId, &Lane)| {
            id.space() == space && lane.owner == Some(request.worker)
        };
        self.lanes.iter().filter(its).count()
    }

    /// The lanes of a space are shared out evenly among the workers that want it.
    fn check_share(&self, space: SpaceId, told: &LaneHolding, kept: usize) -> Result<(), String> {
        let all = usize::from(self.count);
        let sharers = self
            .wanting
            .iter()
            .filter(|(_, _, wants)| wants.contains(&space));
        let workers = sharers.count().max(1);
        let (least, most) = (all / workers, all.div_ceil(workers));
        let of_space = |lane: &&signalbus_core::store::LaneId| lane.space() == space;
        let leases = told.leases.iter().map(|lease| &lease.lane);
        let held = leases.filter(of_space).count();
        let keeps = held - told.surplus.iter().filter(of_space).count();
        let is_free = |lane: &Lane| lane.owner.is_none() || lane.until <= self.monotonic;
        let free = self
            .lanes
            .iter()
            .any(|(id, lane)| id.space() == space && is_free(lane));
        let right = (held == kept || held <= most)
            && (held >= least || !free)
            && keeps >= held.min(least)
            && (held <= most || keeps <= most);
        if right {
            Ok(())
        } else {
            Err(format!(
                "a share of {workers} workers is {least} to {most}; kept {kept}: {told:?}"
            ))
        }
    }

    /// Channels with work that no living worker asked for; what waits for an earlier one, or for a
    /// time that the clock went back behind, may count or not.
    pub(in super::super) fn unserved(&self, told: &[(ChannelName, u64)]) -> Result<(), String> {
        let mut counts: Vec<(ChannelName, u64, u64)> = Vec::new();
        for delivery in &self.deliveries {
            let Some(channel) = delivery.new.channel.clone() else {
                continue;
            };
            let space = SpaceId::send(&channel);
            let lives = |until| until > self.monotonic;
            let served = self
                .wanting
                .iter()
                .any(|(_, until, wants)| lives(*until) && wants.contains(&space));
            let (sure, maybe) = match delivery.place {
                _ if served => continue,
                Place::Sending { .. } => (1, 1),
                Place::Held => continue,
                // What is due is found to be so by whoever looks at its lane.
                Place::Waiting => {
                    let at_once = delivery.attempt == 0
                        && delivery.generation == 0
                        && delivery.new.send_at.is_none()
                        && delivery.new.after.is_none();
                    let sure = at_once && !delivery.new.order.is_strict() && !self.rewound;
                    (u64::from(sure), 1)
                }
                Place::Ended { .. } => continue,
            };
            match counts.iter_mut().find(|(of, ..)| *of == channel) {
                Some((_, least, most)) => {
                    *least += sure;
                    *most += maybe;
                }
                None => counts.push((channel, sure, maybe)),
            }
        }
        for (channel, least, most) in &counts {
            let told = told.iter().find(|(of, _)| of == channel);
            let told = told.map_or(0, |(_, count)| *count);
            if !(*least..=*most).contains(&told) {
                return Err(format!("{least} to {most} wait on {channel}, not {told}"));
            }
        }
        let known = |(channel, _): &(_, u64)| counts.iter().any(|(of, ..)| of == channel);
        match told.iter().find(|told| !known(told)) {
            Some(told) => Err(format!("nothing waits there unserved: {told:?}")),
            None => Ok(()),
        }
    }
}
