//! The worker: one loop that owns lanes and decides; sends, reads and writes run beside it, and it
//! hears of them when they are done.

mod claim;
mod crowd;
mod drain;
mod fetch;
mod flush;
mod later;
mod leaving;
mod own;
mod result;
mod send;
mod slots;
mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use crowd::Crowd;
use fetch::Reading;
use flush::Group;
use foldhash::{HashMap, HashMapExt, fast::FixedState};
use later::Laters;
pub(crate) use slots::Slots;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use write::{Batch, Wrote};

use crate::{
    bell::{Bell, Quiet},
    chain::Chain,
    clock::{Clock, Timestamp, later, until},
    engine::{
        EngineOptions,
        accounts::Accounts,
        desk::{Desk, TenantRates},
        files::FilePermits,
        lanes::Lanes,
        metrics,
        providers::{Lineup, Reservation},
        schedule::Scheduler,
        tenants::Tenants,
    },
    entropy::Entropy,
    event::Class,
    health::Vitals,
    id::WorkerId,
    limit::Limiter,
    mutant::Mutant,
    name::{ChannelName, TenantId},
    provider::Latch,
    publish::Planner,
    route::{Attempted, fresh::Fresh},
    store::{
        Fetched, Group as StoredGroup, LaneRequest, Position, Ready, Shape, Space, Store,
        StoreError, StoreFeatures,
    },
    task::{self, Task},
    template::Templates,
};

/// What the handle and the worker have in common.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) planner: Planner,
    pub(crate) templates: Templates,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<Entropy>,
    pub(crate) options: EngineOptions,
    pub(crate) tenant_weights: BTreeMap<TenantId, u32>,
    pub(crate) tenant_rates: TenantRates,
    /// Who hands out slots to all processes, if anybody.
    pub(crate) limiter: Option<Arc<dyn Limiter>>,
    pub(crate) tenants: Arc<Tenants>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) fresh: Fresh,
    pub(crate) vitals: Arc<Vitals>,
}

/// What a worker is told and tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// Finish what is in flight and go.
    Draining,
}

pub(crate) struct Worker {
    shared: Arc<Shared>,
    id: WorkerId,
    lineups: Vec<Lineup>,
    desk: Desk,
    tenant_rates: TenantRates,
    scheduler: Scheduler,
    lanes: Lanes,
    /// What came of sends, reads and writes.
    inbox: Arc<task::Results<News>>,
    /// Hashed with a fixed state: a worker that is dropped aborts its sends in the order of this
    /// map, which must be the same each time a simulation is played.
    in_flight: std::collections::HashMap<Position, InFlight, FixedState>,
    slots: Slots,
    /// What to write, by lanes.
    groups: Vec<Group>,
    crowd: Crowd,
    reading: Option<Reading>,
    /// What could not be written.
    later: Laters,
    room: Room,
    /// For the files of what is claimed and sent.
    files: FilePermits,
    /// Tells sends in flight that the deadline of a shutdown has come.
    cut: Arc<CancellationToken>,
    next_renew: Duration,
    next_poll: Duration,
    next_show: Duration,
    next_report: Duration,
    next_due: Option<Timestamp>,
    asked_to_look: bool,
    /// Whether something was written since the last look: what it held back may be ready now.
    written: bool,
    /// The ring of the bell that the last look answered; none when it failed.
    looked_at: Option<u64>,
    resume: HashMap<Class, StoredGroup>,
    /// The lanes it wants a share of: those of the channels it can send on.
    spaces: Vec<Space>,
    /// Channels that are reported as served by nobody.
    unserved: BTreeSet<ChannelName>,
    /// The store's time, and the monotonic time when it said so.
    store_time: (Timestamp, Duration),
    /// When the call was made that told it, on the monotonic clock.
    store_asked: Duration,
    phase: watch::Receiver<Phase>,
    /// The deadline of a shutdown, once there is one.
    leave_by: watch::Sender<Option<Duration>>,
    /// What the store keeps.
    keeps: StoreFeatures,
}

/// What ran beside the worker, and is done.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all of it is sends, which would each pay for a box"
)]
enum News {
    Sent(Position, Attempted),
    Wrote(Box<Wrote>),
    Read(Box<Result<Fetched, StoreError>>),
}

/// Empty lists that are used again: large ones cost an allocator more than what is put into them.
#[derive(Default)]
struct Room {
    news: Vec<News>,
    batches: Vec<Batch>,
}

struct InFlight {
    ready: Ready,
    /// The send itself, if there is one: stopped when dropped.
    send: Option<Task>,
    channel: usize,
    /// None for a delivery that was claimed only to be refused.
    reservation: Option<Reservation>,
    latch: Latch,
    claimed_at: Timestamp,
}

/// How often gauges of what is in hand are set, where the worker goes round that often.
const SHOW: Duration = Duration::from_secs(1);

/// How often the store is asked what nobody serves.
const REPORT: Duration = Duration::from_secs(15);

/// How many held deliveries it puts back at once.
const RELEASED_AT_ONCE: u32 = 1_000;

/// How often a worker without lanes looks for some.
const SEEK: Duration = Duration::from_secs(1);

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, phase: watch::Receiver<Phase>) -> Self {
        let clock = &*shared.clock;
        let mut lineups = Vec::new();
        let share = shared.limiter.is_some();
        let mut accounts = Accounts::default();
        for route in shared.planner.routes.values() {
            if route.providers().is_empty() {
                continue;
            }
            accounts.add_channel(route.name());
            lineups.push(Lineup::new(Arc::clone(route), None, clock, share));
            for (owner, route) in route.accounts() {
                accounts.add_owned(owner.clone());
                lineups.push(Lineup::new(Arc::clone(route), Some(owner), clock, share));
            }
        }
        let spaces = if Mutant::LanesOfOthers.is_active() {
            shared.planner.routes.keys().map(Space::send).collect()
        } else {
            accounts.channels().map(Space::send).collect()
        };
        Self {
            id: shared.planner.ids.worker(),
            lineups,
            desk: Desk::new(shared.limiter.clone(), Arc::clone(&shared.clock)),
            tenant_rates: shared.tenant_rates.clone(),
            slots: Slots {
                all: shared.options.slots,
                used: 0,
                one_lineup: accounts.len() == 1,
            },
            scheduler: Scheduler::new(accounts),
            lanes: Lanes::default(),
            inbox: Arc::new(task::Results::new()),
            in_flight: std::collections::HashMap::default(),
            groups: (0..shared.options.writers)
                .map(|_| Group::default())
                .collect(),
            crowd: Crowd::new(shared.options.writers, shared.options.slots),
            reading: None,
            later: Laters::default(),
            room: Room::default(),
            files: FilePermits::new(shared.options.files),
            cut: Arc::new(CancellationToken::new()),
            next_renew: Duration::ZERO,
            next_poll: Duration::ZERO,
            next_show: Duration::ZERO,
            next_report: Duration::ZERO,
            next_due: None,
            asked_to_look: true,
            written: false,
            looked_at: None,
            resume: HashMap::new(),
            spaces,
            unserved: BTreeSet::new(),
            store_time: (clock.now(), clock.monotonic()),
            store_asked: clock.monotonic(),
            phase,
            leave_by: watch::Sender::new(None),
            keeps: shared.store.features(),
            shared,
        }
    }

    /// Works until told to leave, and then no longer than it may take.
    pub(crate) async fn run(self) {
        let id = self.id;
        let late = leaving::is_late(
            Arc::clone(&self.shared.clock),
            self.phase.clone(),
            self.leave_by.subscribe(),
            self.shared.options.drain,
        );
        tokio::select! {
            biased;
            () = self.work() => {}
            () = late => tracing::error!(
                worker.id = %id,
                "the store does not answer, and the time of the shutdown is up: what was sent and not written \
                 is found as interrupted by the next owner of its lane"
            ),
        }
    }

    async fn work(mut self) {
        tracing::info!(worker.id = %self.id, "the engine starts");
        if !self.shared.store.pressure().pools.is_empty() {
            metrics::describe_pressure();
        }
        loop {
            let phase = *self.phase.borrow_and_update();
            match phase {
                Phase::Running => self.turn().await,
                Phase::Draining => return self.drain().await,
            }
        }
    }

    async fn turn(&mut self) {
        self.collect().await;
        let now = self.monotonic();
        if now >= self.next_renew {
            self.renew(self.spaces.clone()).await;
        }
        self.try_again_if_due(now);
        self.fetch_if_due().await;
        self.desk.collect(self.monotonic());
        let more = self.claim();
        self.ask_for_slots();
        let busy = self.flush().await;
        self.show_if_due();
        self.report_if_due().await;
        if !more {
            self.wait(busy).await;
        }
    }

    /// Takes over what is done.
    async fn collect(&mut self) {
        let mut news = std::mem::take(&mut self.room.news);
        self.inbox.take(&mut news);
        let now = self.monotonic();
        for one in news.drain(..) {
            match one {
                News::Sent(position, attempted) => self.ended(position, attempted, now),
                News::Wrote(wrote) => self.wrote(*wrote).await,
                News::Read(fetched) => {
                    if let Some(reading) = self.reading.take() {
                        self.read(*fetched, reading);
                    }
                }
            }
        }
        self.room.news = news;
    }

    async fn renew(&mut self, spaces: Vec<Space>) {
        let asked = self.monotonic();
        self.next_renew = asked.saturating_add(self.shared.options.renew);
        let release = self
            .lanes
            .leaving()
            .iter()
            .copied()
            .filter(|lane| !self.is_busy(*lane))
            .collect();
        let request = LaneRequest {
            worker: self.id,
            lease: self.shared.options.lease,
            spaces,
            release,
        };
        self.heed_pauses().await;
        match self
            .unless_leaving(self.shared.store.hold_lanes(request))
            .await
        {
            Ok(holding) => {
                let lost = self.lanes.update(holding, asked);
                let leaving = self.lanes.leaving().to_vec();
                if self.lanes.is_empty() {
                    self.next_renew = self.next_renew.min(asked + SEEK);
                } else if !leaving.is_empty() {
                    // Give them up as soon as they are idle, not at the next renewal.
                    self.next_renew = asked.saturating_add(self.shared.options.poll);
                }
                self.scheduler.forget_lanes(&lost);
                self.scheduler.forget_lanes(&leaving);
                self.asked_to_look = true;
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "leases could not be renewed; trying again");
                self.next_renew = asked.saturating_add(self.shared.options.poll);
            }
        }
    }

    /// Leaves alone what somebody paused. What it holds is the store's matter, but for providers.
    async fn heed_pauses(&mut self) {
        if !self.keeps.has(Shape::Held) || self.is_leaving() {
            return;
        }
        match self.unless_leaving(self.shared.store.pauses()).await {
            Ok(pauses) => {
                for lineup in &mut self.lineups {
                    lineup.heed(&pauses);
                }
            }
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "pauses could not be read; trying again");
            }
        }
    }

    /// What is held by no pause any more, should nobody have put it back.
    async fn release(&mut self) {
        if !self.keeps.has(Shape::Held) || self.is_leaving() {
            return;
        }
        let release = self.shared.store.release(RELEASED_AT_ONCE);
        match self.unless_leaving(release).await {
            Ok(released) => self.asked_to_look |= released.released > 0,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "what is held no more could not be put back; trying again");
            }
        }
    }

    fn is_busy(&self, lane: crate::store::LaneId) -> bool {
        self.in_flight
            .values()
            .any(|flight| flight.ready.lane == lane)
            || self.groups.iter().any(|group| group.is_busy(lane))
            || self.later.is_busy(lane)
    }

    /// Waits for the next thing to do.
    async fn wait(&mut self, busy: bool) {
        if !self.in_flight.is_empty() && busy {
            // Let sends that are ready run, so that their results go out together.
            tokio::task::yield_now().await;
        }
        let empty = !self.lanes.is_empty()
            && self.in_flight.is_empty()
            && self.reading.is_none()
            && self.groups.iter().all(Group::is_idle)
            && self.scheduler.is_empty();
        // Who waits for the end is told only after a look that found nothing.
        self.asked_to_look |= empty && self.written && self.shared.bell.is_awaited();
        let done = empty && !self.written && !self.asked_to_look;
        let now = self.monotonic();
        self.tell(done, now);
        let (lanes, unwritten) = (self.lanes.len(), self.later.results());
        self.shared
            .vitals
            .worker(lanes, self.in_flight.len(), unwritten);
        let pause = self.next_turn(now).saturating_sub(now);
        if pause.is_zero() {
            return;
        }
        let calls = self.reading.is_some() || self.groups.iter().any(Group::is_writing);
        let clock = &self.shared.clock;
        let time = async {
            if calls {
                // Who moves a clock by hand sees by those who sleep that the engine has nothing to do.
                task::moment().await;
            }
            clock.sleep(pause).await;
        };
        tokio::select! {
            biased;
            _ = self.phase.changed() => {}
            () = self.inbox.some() => {}
            () = self.desk.answered() => {}
            () = self.shared.bell.heard() => self.asked_to_look = true,
            () = time => {}
        }
    }

    /// Tells those who wait for the engine whether it is done.
    fn tell(&self, done: bool, now: Duration) {
        let quiet = |rings| Quiet {
            rings,
            next: self.next_offer(now),
        };
        let rings = self.looked_at.filter(|_| done);
        self.shared.bell.tell(rings.map(quiet));
    }

    /// When the store has something to offer that it has not now: what is due then, or was set
    /// aside until then.
    fn next_offer(&self, now: Duration) -> Option<Duration> {
        let due = |due| now.saturating_add(until(self.store_now(), due));
        let later = self.later.next_at();
        self.next_due.map(due).into_iter().chain(later).min()
    }

    /// When there is something to do at the latest, if nothing happens before.
    fn next_turn(&self, now: Duration) -> Duration {
        let mut next = self
            .later
            .next_at()
            .unwrap_or(Duration::MAX)
            .min(self.next_renew);
        if self.reading.is_none() {
            next = next.min(self.next_poll);
            next = self.next_offer(now).map_or(next, |offer| next.min(offer));
        }
        if !self.scheduler.is_empty() {
            let rooms = self.lineups.iter().filter_map(|lineup| lineup.room_at(now));
            let slots = self.desk.next_at(now).into_iter();
            let tenants = self.tenant_rates.next_at(now).into_iter();
            next = rooms.chain(slots).chain(tenants).fold(next, Duration::min);
        }
        let look = self.asked_to_look && self.reading.is_none() && !self.lanes.working().is_empty();
        if look || self.groups.iter().any(Group::may_begin) {
            next = now;
        }
        next
    }

    fn show_if_due(&mut self) {
        let now = self.monotonic();
        if now < self.next_show {
            return;
        }
        self.next_show = now.saturating_add(SHOW);
        metrics::heartbeat(self.id, self.shared.clock.now());
        metrics::pressure(&self.shared.store.pressure());
        let store_now = self.store_now();
        for (place, lineup) in self.lineups.iter().enumerate() {
            let channel = lineup.route.name();
            // One series for each channel: what everybody's lineup has to say.
            if self.scheduler.accounts().of_channel(channel) != Some(place) {
                continue;
            }
            lineup.report();
            let ready = self.scheduler.oldest(channel);
            metrics::oldest(channel, "ready", ready.unwrap_or(store_now));
            let sending = self
                .in_flight
                .values()
                .filter(|flight| flight.ready.channel == *channel);
            let sending = sending.map(|flight| flight.claimed_at).min();
            metrics::oldest(channel, "inflight", sending.unwrap_or(store_now));
        }
    }

    async fn report_if_due(&mut self) {
        let now = self.monotonic();
        if now < self.next_report {
            return;
        }
        self.next_report = now.saturating_add(REPORT);
        self.report_unserved().await;
        self.release().await;
    }

    /// Work of channels that nobody sends on would wait unseen.
    async fn report_unserved(&mut self) {
        if self.is_leaving() {
            return;
        }
        let unserved = match self.unless_leaving(self.shared.store.unserved()).await {
            Ok(unserved) => unserved,
            Err(error) => {
                tracing::warn!(error = %Chain(&error), "the store cannot say what nobody serves");
                return;
            }
        };
        for served in std::mem::take(&mut self.unserved) {
            metrics::unserved(&served, 0);
        }
        for (channel, count) in unserved {
            tracing::warn!(%channel, count, "deliveries wait for a channel that no worker serves: start one that has a provider for it");
            metrics::unserved(&channel, count);
            self.unserved.insert(channel);
        }
    }

    fn monotonic(&self) -> Duration {
        self.shared.clock.monotonic()
    }

    /// The store's time, carried on by the monotonic clock.
    fn store_now(&self) -> Timestamp {
        self.store_at(self.monotonic())
    }

    /// The store's time at a monotonic time.
    fn store_at(&self, now: Duration) -> Timestamp {
        let (at, asked) = self.store_time;
        later(at, now.saturating_sub(asked))
    }

    /// The store told its time in answer to a call made at `asked`. A call that was made before another one
    /// that is answered says nothing new.
    fn heard(&mut self, now: Timestamp, asked: Duration) {
        if asked >= self.store_asked {
            self.store_time = (now, self.monotonic());
            self.store_asked = asked;
        }
    }

    /// What the store's time is at most: it was told somewhere between question and answer.
    fn store_at_most(&self, now: Duration) -> Timestamp {
        let (_, answered) = self.store_time;
        later(
            self.store_at(now),
            answered.saturating_sub(self.store_asked),
        )
    }
}

#[cfg(test)]
mod hand_over;
