//! Workers and the store they share, with the real rules of both.

use std::{collections::BTreeSet, time::Duration};

use uuid::Uuid;

use super::given::{NOW, after, channels, claim_of, event, request, settle, window};
use crate::{
    engine::lanes::Lanes as Held,
    id::WorkerId,
    name::ChannelName,
    provider::Outcome,
    store::{
        AttemptOutcome, ClaimAnswer, EndState, Flush, LaneId, LaneLease, Next, Position, Ready,
        Reason, Settle, SettleAnswer, SpaceId, State,
        memory::model::{Lane, Model, Row},
    },
};

pub(super) const TICK: Duration = Duration::from_secs(5);

/// How large the search is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) workers: usize,
    /// Of each channel.
    pub(super) lanes: u16,
    /// The first worker sends on the first only, all others on all.
    pub(super) channels: usize,
    pub(super) deliveries: u64,
    pub(super) crashes: u8,
    pub(super) lost_answers: u8,
    pub(super) departures: u8,
}

/// What protects a lane; each can be left out, to show that it is needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guard {
    /// The store compares the epoch of a write.
    pub(super) epochs: bool,
    /// The worker looks at its lease before it sends.
    pub(super) leases: bool,
}

impl Default for Guard {
    fn default() -> Self {
        Self {
            epochs: true,
            leases: true,
        }
    }
}

/// What may happen next. The number is the worker's.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Step {
    Tick,
    Renew(usize),
    /// The store renewed, and the worker does not hear of it.
    RenewUnheard(usize),
    Look(usize),
    /// Writes all results, and claims this delivery.
    Flush(usize, Option<Position>),
    /// The same, and the answer is late or lost: the worker waits for it, or repeats it.
    FlushUnheard(usize, Option<Position>),
    Hear(usize),
    Repeat(usize),
    /// A send ends.
    Sent(usize, Position),
    /// Dies, and is started again as another worker.
    Crash(usize),
    /// Has nothing in flight, and gives all lanes up.
    Leave(usize),
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) store: Model,
    pub(super) bounds: Bounds,
    pub(super) guard: Guard,
    pub(super) now: Duration,
    pub(super) workers: Vec<Worker>,
    pub(super) incarnations: u128,
    /// Tries that a provider was asked for.
    pub(super) sent: BTreeSet<(Position, u32)>,
    /// Tries that have a result.
    pub(super) settled: BTreeSet<(Position, u32)>,
    /// Tries whose result says that nobody knows.
    pub(super) interrupted: BTreeSet<(Position, u32)>,
}

#[derive(Debug, Clone)]
pub(super) struct Worker {
    pub(super) id: WorkerId,
    pub(super) runs: bool,
    pub(super) lanes: Held,
    pub(super) ready: Vec<Ready>,
    /// Sends; the deliveries as they were before their claims.
    pub(super) flights: Vec<Ready>,
    pub(super) results: Vec<Settle>,
    /// A flush whose answer has not come yet. The worker does nothing else until it has.
    pub(super) unheard: Option<Unheard>,
}

#[derive(Debug, Clone)]
pub(super) struct Unheard {
    pub(super) leases: Vec<LaneLease>,
    pub(super) flush: Flush,
    pub(super) answers: Vec<ClaimAnswer>,
}

type Verdict = Result<(), String>;

impl Worker {
    fn new(number: u128) -> Self {
        Self {
            id: WorkerId::from_uuid(Uuid::from_u128(number)),
            runs: true,
            lanes: Held::default(),
            ready: Vec::new(),
            flights: Vec::new(),
            results: Vec::new(),
            unheard: None,
        }
    }

    fn is_busy(&self, lane: LaneId) -> bool {
        self.flights.iter().any(|flight| flight.lane == lane)
            || self.results.iter().any(|settle| settle.lane == lane)
    }

    fn has_in_hand(&self, position: Position) -> bool {
        self.ready.iter().any(|ready| ready.position == position)
            || self
                .flights
                .iter()
                .any(|flight| flight.position == position)
            || self
                .results
                .iter()
                .any(|settle| settle.position == position)
    }

    fn is_idle(&self) -> bool {
        self.flights.is_empty() && self.results.is_empty() && self.unheard.is_none()
    }
}

impl World {
    pub(super) fn new(bounds: Bounds, guard: Guard) -> Self {
        let mut store = Model::new(bounds.lanes);
        let channels = channels(bounds.channels);
        let events = (0..bounds.deliveries).zip(channels.iter().cycle());
        let events = events.map(|(number, channel)| event(number, channel.clone()));
        let events = events.collect();
        store.accept(events, NOW);
        let incarnations = u128::try_from(bounds.workers).unwrap();
        Self {
            store,
            bounds,
            guard,
            now: Duration::ZERO,
            workers: (0..incarnations).map(Worker::new).collect(),
            incarnations,
            sent: BTreeSet::new(),
            settled: BTreeSet::new(),
            interrupted: BTreeSet::new(),
        }
    }

    /// All that may happen now.
    pub(super) fn steps(&self) -> Vec<Step> {
        let mut steps = vec![Step::Tick];
        for (number, worker) in self.workers.iter().enumerate().filter(|(_, one)| one.runs) {
            if self.bounds.crashes > 0 {
                steps.push(Step::Crash(number));
            }
            if worker.unheard.is_some() {
                steps.extend([Step::Hear(number), Step::Repeat(number)]);
                continue;
            }
            let unheard = self.bounds.lost_answers > 0;
            steps.push(Step::Renew(number));
            if unheard {
                steps.push(Step::RenewUnheard(number));
            }
            if !worker.lanes.working().is_empty() {
                steps.push(Step::Look(number));
            }
            let mut flushes: Vec<Option<Position>> = Vec::new();
            if !worker.results.is_empty() {
                flushes.push(None);
            }
            if worker.lanes.are_safe(self.now) || !self.guard.leases {
                flushes.extend(worker.ready.iter().map(|ready| Some(ready.position)));
            }
            for claim in flushes {
                steps.push(Step::Flush(number, claim));
                if unheard {
                    steps.push(Step::FlushUnheard(number, claim));
                }
            }
            let flights = worker.flights.iter();
            steps.extend(flights.map(|flight| Step::Sent(number, flight.position)));
            let others = self.workers.iter().filter(|other| other.runs).count() > 1;
            if self.bounds.departures > 0 && worker.is_idle() && others {
                steps.push(Step::Leave(number));
            }
        }
        steps
    }

    pub(super) fn take(&mut self, step: Step) -> Verdict {
        match step {
            Step::Tick => self.now += TICK,
            Step::Renew(worker) => self.renew(worker, true),
            Step::RenewUnheard(worker) => {
                self.bounds.lost_answers -= 1;
                self.renew(worker, false);
            }
            Step::Look(worker) => self.look(worker),
            Step::Flush(worker, claim) => return self.flush(worker, claim, true),
            Step::FlushUnheard(worker, claim) => {
                self.bounds.lost_answers -= 1;
                return self.flush(worker, claim, false);
            }
            Step::Hear(worker) => {
                if let Some(unheard) = self.workers[worker].unheard.take() {
                    return self.hear(worker, &unheard.flush, unheard.answers);
                }
            }
            Step::Repeat(worker) => return self.repeat(worker),
            Step::Sent(worker, position) => {
                let ready = self.land(worker, position);
                let end = Next::End(EndState::Accepted, Reason::Sent);
                let settle = settle(&ready, AttemptOutcome::Accepted { id: None }, end);
                self.workers[worker].results.push(settle);
            }
            Step::Crash(worker) => {
                self.bounds.crashes -= 1;
                self.workers[worker] = Worker::new(self.incarnations);
                self.incarnations += 1;
            }
            Step::Leave(worker) => {
                self.bounds.departures -= 1;
                let worker = &mut self.workers[worker];
                let release = worker.lanes.all().iter().map(|lease| lease.lane).collect();
                let request = request(worker.id, &[], release);
                self.store.hold(&request, self.now);
                worker.runs = false;
                worker.ready.clear();
            }
        }
        Ok(())
    }

    /// The channels that a worker sends on.
    fn wants(&self, worker: usize) -> Vec<ChannelName> {
        let all = channels(self.bounds.channels);
        if worker == 0 { all[..1].to_vec() } else { all }
    }

    fn renew(&mut self, worker: usize, heard: bool) {
        let wants = self.wants(worker);
        let worker = &mut self.workers[worker];
        let leaving = worker.lanes.leaving().iter().copied();
        let release = leaving.filter(|lane| !worker.is_busy(*lane)).collect();
        let request = request(worker.id, &wants, release);
        let holding = self.store.hold(&request, self.now);
        if heard {
            let mut gone = worker.lanes.update(holding, self.now);
            gone.extend(worker.lanes.leaving());
            worker.ready.retain(|ready| !gone.contains(&ready.lane));
        }
    }

    fn look(&mut self, worker: usize) {
        let leases = self.as_sent(self.workers[worker].lanes.working());
        let fetched = self.store.fetch(&leases, &window(&self.wants(worker)), NOW);
        let worker = &mut self.workers[worker];
        for ready in fetched.ready {
            if !worker.has_in_hand(ready.position) {
                worker.ready.push(ready);
            }
        }
        for interrupted in fetched.interrupted {
            let mut ready = interrupted.ready;
            if !worker.has_in_hand(ready.position) {
                ready.attempt -= 1;
                let next = after(&ready, EndState::OutcomeUnknown, Reason::NoAnswer);
                let settle = settle(&ready, AttemptOutcome::Interrupted, next);
                worker.results.push(settle);
            }
        }
    }

    fn flush(&mut self, number: usize, claim: Option<Position>, heard: bool) -> Verdict {
        let worker = &mut self.workers[number];
        let leases = worker.lanes.all();
        let claims = worker
            .ready
            .iter()
            .filter(|one| Some(one.position) == claim);
        let flush = Flush {
            claims: claims.map(claim_of).collect(),
            settles: worker.results.clone(),
        };
        let answers = self.write(number, &leases, &flush)?;
        if heard {
            return self.hear(number, &flush, answers);
        }
        self.workers[number].unheard = Some(Unheard {
            leases,
            flush,
            answers,
        });
        Ok(())
    }

    fn repeat(&mut self, number: usize) -> Verdict {
        let Some(Unheard { leases, flush, .. }) = self.workers[number].unheard.take() else {
            return Ok(());
        };
        let answers = self.write(number, &leases, &flush)?;
        self.hear(number, &flush, answers)
    }

    /// Writes to the store; nobody writes for a lane that is not his, or a second time.
    fn write(
        &mut self,
        number: usize,
        leases: &[LaneLease],
        flush: &Flush,
    ) -> Result<Vec<ClaimAnswer>, String> {
        let leases = self.as_sent(leases.to_vec());
        let told = self.store.flush(&leases, flush, NOW);
        let id = self.workers[number].id;
        for (settle, answer) in flush.settles.iter().zip(told.settles) {
            if answer != SettleAnswer::Applied {
                continue;
            }
            let attempt = (settle.position, settle.attempt);
            if self.lane(settle.lane).owner != Some(id) {
                return Err(format!(
                    "a result was written without the lane: {attempt:?}"
                ));
            }
            if !self.settled.insert(attempt) {
                return Err(format!("two results were written of {attempt:?}"));
            }
            if settle.record.outcome == AttemptOutcome::Interrupted {
                self.interrupted.insert(attempt);
            }
        }
        for (claim, answer) in flush.claims.iter().zip(&told.claims) {
            let granted = matches!(answer, ClaimAnswer::Claimed(_));
            if granted && self.lane(claim.lane).owner != Some(id) {
                return Err(format!("a claim was written without the lane: {claim:?}"));
            }
        }
        Ok(told.claims)
    }

    fn hear(&mut self, number: usize, flush: &Flush, answers: Vec<ClaimAnswer>) -> Verdict {
        self.workers[number].results.clear();
        for (claim, answer) in flush.claims.iter().zip(answers) {
            let worker = &mut self.workers[number];
            let is_it = |ready: &Ready| ready.position == claim.position;
            let Some(place) = worker.ready.iter().position(is_it) else {
                continue;
            };
            let ready = worker.ready.remove(place);
            match answer {
                ClaimAnswer::Claimed(_) => self.send(number, ready)?,
                ClaimAnswer::Refused(_) => {}
                _ => worker.lanes.lost(claim.lane),
            }
        }
        Ok(())
    }

    /// A send begins only while the lane is the worker's, once for each try, and again only after
    /// it was written that nobody knows what became of the last.
    fn send(&mut self, number: usize, ready: Ready) -> Verdict {
        let worker = &mut self.workers[number];
        let (lane, position, attempt) = (ready.lane, ready.position, ready.attempt + 1);
        if self.guard.leases && !worker.lanes.is_safe(lane, self.now) {
            let next = after(&ready, EndState::Dead, Reason::AttemptsExhausted);
            let outcome = AttemptOutcome::Failed(Outcome::Retryable);
            worker.results.push(settle(&ready, outcome, next));
            return Ok(());
        }
        worker.flights.push(ready);
        let id = worker.id;
        let lane = self.lane(lane);
        if lane.owner != Some(id) || lane.until <= self.now {
            return Err(format!("try {attempt} was sent without the lane"));
        }
        let row = self.row(position);
        if row.claimed.is_none() || row.attempt != attempt {
            return Err(format!("try {attempt} was sent without a claim"));
        }
        let mut earlier = self.sent.range((position, 0)..(position, attempt));
        if !earlier.all(|one| self.interrupted.contains(one)) {
            return Err(format!("try {attempt} was sent after one with a result"));
        }
        if !self.sent.insert((position, attempt)) {
            return Err(format!("try {attempt} was sent twice"));
        }
        Ok(())
    }

    fn land(&mut self, worker: usize, position: Position) -> Ready {
        let flights = &mut self.workers[worker].flights;
        let place = flights.iter().position(|one| one.position == position);
        flights.remove(place.unwrap())
    }

    /// With the epochs of today where the store does not compare them.
    fn as_sent(&self, mut leases: Vec<LaneLease>) -> Vec<LaneLease> {
        if !self.guard.epochs {
            for lease in &mut leases {
                lease.epoch = self.lane(lease.lane).epoch;
            }
        }
        leases
    }

    pub(super) fn lane(&self, lane: LaneId) -> Lane {
        self.store.lanes().find(|one| one.id == lane).unwrap()
    }

    fn row(&self, position: Position) -> Row {
        let mut rows = self.store.rows();
        rows.find(|row| row.position == position).unwrap()
    }

    /// Everybody who runs does what there is to do; then time passes.
    pub(super) fn round(&mut self) -> Verdict {
        for number in 0..self.workers.len() {
            if !self.workers[number].runs {
                continue;
            }
            self.repeat(number)?;
            self.finish_sends(number)?;
            self.renew(number, true);
            if !self.workers[number].lanes.working().is_empty() {
                self.look(number);
            }
            while let Some(ready) = self.workers[number].ready.first()
                && self.workers[number].lanes.are_safe(self.now)
            {
                let position = ready.position;
                self.flush(number, Some(position), true)?;
            }
            self.finish_sends(number)?;
        }
        self.take(Step::Tick)
    }

    fn finish_sends(&mut self, number: usize) -> Verdict {
        for flight in self.workers[number].flights.clone() {
            self.take(Step::Sent(number, flight.position))?;
        }
        if self.workers[number].results.is_empty() {
            return Ok(());
        }
        self.flush(number, None, true)
    }

    /// How many lanes of a channel each has that sends on it.
    fn shares(&self, channel: &ChannelName) -> Vec<usize> {
        let sharers = self.workers.iter().enumerate();
        let sharers =
            sharers.filter(|(number, worker)| worker.runs && self.wants(*number).contains(channel));
        sharers
            .map(|(_, worker)| {
                let lanes = self.store.lanes();
                let owned = lanes.filter(|lane| {
                    lane.id.space() == SpaceId::send(channel)
                        && lane.owner == Some(worker.id)
                        && lane.until > self.now
                });
                owned.count()
            })
            .collect()
    }

    /// What is not yet as it should be in the end.
    pub(super) fn unrest(&self) -> Option<String> {
        let busy = |worker: &&Worker| worker.runs && !worker.is_idle();
        if self.workers.iter().any(|worker| busy(&worker)) {
            return Some("somebody is busy".to_owned());
        }
        for channel in channels(self.bounds.channels) {
            let counts = self.shares(&channel);
            if counts.iter().sum::<usize>() < usize::from(self.bounds.lanes) {
                return Some(format!("a lane has no owner: {counts:?}"));
            }
            if counts.iter().max() > counts.iter().min().map(|least| least + 1).as_ref() {
                return Some(format!("a share is not fair: {counts:?}"));
            }
        }
        let mut rows = self.store.rows();
        rows.find(|row| !matches!(row.state, State::Ended(_)))
            .map(|row| format!("{} has not ended", row.position.0))
    }
}
