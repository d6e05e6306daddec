//! Which delivery goes next: all in memory, for the lanes this worker owns.
//!
//! Order first (a gate for each order key), then classes by weight, then deficit round robin over
//! tenants. Whether a provider has room is asked through [`Room`].

mod fair;
mod gate;
mod stock;
mod suspects;

use std::collections::{BTreeMap, BTreeSet};

use foldhash::HashSet;

use crate::{
    clock::Timestamp,
    engine::accounts::Accounts,
    event::{Class, Order},
    name::{ChannelName, TenantId},
    store::{Account, LaneId, Position, Ready},
};
use fair::FairQueue;
use gate::{Admission, Gates};
use stock::Stock;
pub(crate) use suspects::ALONE;
use suspects::Suspects;

/// How often each class is served while all have work: urgent first, bulk never starved.
const CLASS_WEIGHTS: [i64; 3] = [16, 4, 1];

/// For how many lineups a class is read at once, however many there are.
const MOST_LINEUPS: usize = 8;

/// Whether a lineup may start another send now.
pub(crate) trait Room {
    /// For a first try.
    fn for_first(&mut self, channel: usize) -> bool;
    /// For a retry: its share may be used up.
    fn for_retry(&mut self, channel: usize) -> bool;
    /// For the files of a delivery.
    fn for_files(&mut self, ready: &Ready) -> bool;
    /// Whether the next send of the channel finds out whether its provider works again.
    fn is_probing(&self, channel: usize) -> bool;
    /// Whether there is a slot for another send of this class.
    fn has_slot(&self, channel: usize, class: Class) -> bool {
        let _ = (channel, class);
        true
    }
    /// Whether nothing of this lineup is on its way.
    fn is_idle(&self, channel: usize) -> bool {
        let _ = channel;
        true
    }
    /// Whether any tenant has a limit.
    fn limits_tenants(&self) -> bool {
        false
    }
    /// Whether this tenant may start another one now.
    fn for_tenant(&self, tenant: &TenantId) -> bool {
        let _ = tenant;
        true
    }
}

/// How many of those that wait of a tenant may go soon.
type Soon<'a> = &'a dyn Fn(&TenantId, usize) -> usize;

/// How a send left its delivery, for those that come after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Left {
    /// Ended, or not begun.
    Done,
    /// Ended dead.
    Dead,
    /// To be tried again.
    Open,
}

impl Left {
    /// Whether a later delivery of this order must wait for more. Its own order says so, however
    /// the earlier one is ordered.
    const fn holds_back(self, later: Order) -> bool {
        match self {
            Self::Done => false,
            Self::Dead => matches!(later, Order::StrictBlocking),
            Self::Open => later.is_strict(),
        }
    }
}

/// The deliveries in hand.
#[derive(Debug)]
pub(crate) struct Scheduler {
    accounts: Accounts,
    /// By class, then lineup.
    queues: [Vec<FairQueue>; 3],
    credit: [i64; 3],
    turn: usize,
    gates: Gates,
    suspects: Suspects,
    /// Every delivery in hand: queued, behind a gate, or in flight.
    in_hand: HashSet<Position>,
    /// By class, then lineup: how many wait, gated ones included.
    queued: [Vec<usize>; 3],
    /// Of what is queued, and where: what waits behind a gate has to be its turn first.
    expiries: BTreeMap<(Timestamp, Position), Spot>,
    stock: Stock,
}

/// A delivery to send now.
#[derive(Debug)]
pub(crate) struct Picked {
    pub(crate) ready: Ready,
    pub(crate) channel: usize,
    /// A suspect that is tried alone.
    pub(crate) alone: bool,
}

/// Where a delivery is queued.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Spot {
    Suspects,
    /// A class, a lineup and a tenant.
    Queue(usize, usize, TenantId),
}

impl Scheduler {
    pub(crate) fn new(accounts: Accounts) -> Self {
        let lineups = accounts.len();
        let queues = [(); 3].map(|()| (0..lineups).map(|_| FairQueue::default()).collect());
        Self {
            queued: [(); 3].map(|()| vec![0; lineups]),
            stock: Stock::new(lineups),
            accounts,
            queues,
            credit: [0; 3],
            turn: 0,
            gates: Gates::default(),
            suspects: Suspects::new(lineups),
            in_hand: HashSet::default(),
            expiries: BTreeMap::new(),
        }
    }

    /// How many more of a class may be read, when each channel may have `most` in hand: one that
    /// is down must not take the place of the others.
    pub(crate) fn space(&self, class: Class, most: usize) -> usize {
        let queued = self.queued[class.index()].iter();
        let space: usize = queued.map(|count| most.saturating_sub(*count)).sum();
        space.min(most.saturating_mul(MOST_LINEUPS))
    }

    /// The lineups it picks for.
    pub(crate) fn accounts(&self) -> &Accounts {
        &self.accounts
    }

    /// Adds a lineup of a tenant's own beside the one of everybody at `all`. Says whether it did: not while
    /// something of this tenant waits there.
    pub(crate) fn add_tenant(&mut self, all: usize, tenant: &TenantId) -> bool {
        if self.stock.has(tenant, all) {
            return false;
        }
        self.accounts.add_tenant(all, tenant);
        self.queues
            .iter_mut()
            .for_each(|queues| queues.push(FairQueue::default()));
        self.queued.iter_mut().for_each(|queued| queued.push(0));
        self.stock.add_lineup();
        self.suspects.add_lineup();
        true
    }

    /// Whether the channels that are not full have less than this of a class in hand together.
    pub(crate) fn waits_less(&self, class: Class, than: usize, full: usize) -> bool {
        let queued = self.queued[class.index()].iter();
        queued.filter(|count| **count < full).sum::<usize>() < than
    }

    /// Whether nothing waits in hand.
    pub(crate) fn is_empty(&self) -> bool {
        self.queued.iter().flatten().all(|count| *count == 0) && self.suspects.is_empty()
    }

    /// Whether so little is left of a group that was cut that more should be read.
    pub(crate) fn runs_low(&self) -> bool {
        self.stock.runs_low()
    }

    /// What waits of which more than enough is in hand, when each lineup may have `most`.
    pub(crate) fn well_stocked(&self, class: Class, most: usize) -> Vec<Account> {
        let queued = &self.queued[class.index()];
        let stocked = self
            .stock
            .well_stocked(class, |channel| queued[channel] >= most);
        stocked
            .into_iter()
            .filter_map(|(owner, lineup)| self.accounts.account(lineup, owner))
            .collect()
    }

    /// Since when the oldest delivery of a channel in hand waits to be sent.
    pub(crate) fn oldest(&self, channel: &ChannelName) -> Option<Timestamp> {
        let queued = self.queues.iter().flatten().flat_map(FairQueue::iter);
        queued
            .chain(self.gates.iter())
            .chain(self.suspects.iter())
            .filter(|ready| ready.channel == *channel)
            .map(|ready| ready.since)
            .min()
    }

    /// Takes in what a fetch returned; `window` is what it could return of one group, `most` what
    /// a channel may have of each class.
    pub(crate) fn admit_all(&mut self, ready: Vec<Ready>, window: usize, most: usize) {
        let accounts = &self.accounts;
        self.stock
            .fetched(&ready, window, |ready| accounts.of(ready));
        for ready in ready {
            let full = self
                .accounts
                .of(&ready)
                .is_none_or(|channel| self.queued[ready.class.index()][channel] >= most);
            if !full {
                self.admit(ready);
            }
        }
        self.stock.taken_in();
    }

    /// Marks a delivery as in hand that is not to be sent. Says whether it was new.
    pub(crate) fn take_note(&mut self, position: Position) -> bool {
        self.in_hand.insert(position)
    }

    /// Takes a delivery in hand, unless it is there already. Says whether it was new.
    pub(crate) fn admit(&mut self, ready: Ready) -> bool {
        // One that was not asked for is not offered; should a store do it all the same, let it be.
        let Some(channel) = self.accounts.of(&ready) else {
            return false;
        };
        if !self.in_hand.insert(ready.position) {
            return false;
        }
        if ready.suspicion > 0 {
            self.note_expiry(&ready, || Spot::Suspects);
            self.suspects.push(ready, channel);
            return true;
        }
        self.queued[ready.class.index()][channel] += 1;
        self.stock.add(&ready, channel);
        if let Admission::Open(ready) = self.gates.admit(ready) {
            self.enqueue(ready, false);
        }
        true
    }

    /// Takes back one that is in hand and still has its gate: it goes before those that wait behind it.
    pub(crate) fn again(&mut self, ready: Ready) {
        if ready.suspicion > 0 || ready.order == Order::Unordered {
            self.settled(ready.position);
            self.admit(ready);
        } else if let Some(channel) = self.accounts.of(&ready) {
            self.queued[ready.class.index()][channel] += 1;
            self.stock.add(&ready, channel);
            self.enqueue(ready, true);
        }
    }

    /// A round of picks begins.
    pub(crate) fn begin(&mut self, room: &mut impl Room) {
        self.suspects.begin(room);
    }

    /// The next delivery to send, if any channel with work has room.
    pub(crate) fn pick(
        &mut self,
        weight: &dyn Fn(&TenantId) -> u32,
        room: &mut impl Room,
    ) -> Option<Picked> {
        if let Some(picked) = self.suspects.pick(room) {
            self.forget_expiry(&picked.ready);
            return Some(picked);
        }
        let mut without = [false; 3];
        loop {
            let class = self.next_class(room, without)?;
            if let Some(picked) = self.pick_of(class, weight, room) {
                return Some(picked);
            }
            // All that is in front waits for room for its files.
            without[class] = true;
        }
    }

    fn pick_of(
        &mut self,
        class: usize,
        weight: &dyn Fn(&TenantId) -> u32,
        room: &mut impl Room,
    ) -> Option<Picked> {
        let channels = self.accounts.len();
        for step in 0..channels {
            let channel = (self.turn + step) % channels;
            if !self.may_start(class, channel, room) {
                continue;
            }
            let queue = &mut self.queues[class][channel];
            let first = queue.has_first() && room.for_first(channel);
            // The fault may be the message's: what failed before is not to speak for the provider.
            let retry = queue.has_retry()
                && !(first && room.is_probing(channel))
                && room.for_retry(channel);
            if let Some(ready) = queue.pop(first, retry, weight, room) {
                self.turn = (channel + 1) % channels;
                self.left(&ready);
                return Some(Picked {
                    ready,
                    channel,
                    alone: false,
                });
            }
        }
        None
    }

    /// Whether one of this class may go now, as far as slots and suspects are concerned.
    fn may_start(&self, class: usize, channel: usize, room: &impl Room) -> bool {
        self.queues[class][channel].has_any()
            && !self.suspects.holds_up(channel)
            && room.has_slot(channel, Class::ALL[class])
    }

    /// The try of a suspect is over, or came to nothing.
    pub(crate) fn suspect_ended(&mut self, channel: usize) {
        self.suspects.ended(channel);
    }

    /// How many of a channel could be sent if there was room, by tenant; `soon` says how many of those
    /// of a tenant.
    pub(crate) fn waiting(&self, channel: usize, soon: Option<Soon<'_>>) -> usize {
        let queues = self.queues.iter().filter_map(|queues| queues.get(channel));
        let queued: usize = match soon {
            None => queues.map(FairQueue::len).sum(),
            Some(soon) => queues
                .flat_map(FairQueue::tenants)
                .map(|(tenant, count)| soon(tenant, count))
                .sum(),
        };
        queued + self.suspects.waiting(channel)
    }

    /// How many wait of each tenant.
    pub(crate) fn tenants(&self) -> BTreeMap<&TenantId, usize> {
        let mut waiting = BTreeMap::new();
        let queues = self.queues.iter().flatten();
        for (tenant, count) in queues.flat_map(FairQueue::tenants) {
            *waiting.entry(tenant).or_default() += count;
        }
        for ready in self.suspects.iter() {
            *waiting.entry(&ready.tenant).or_default() += 1;
        }
        waiting
    }

    /// Deliveries in hand whose time has passed, to be refused by the store. One behind a gate
    /// has to wait until it is its turn.
    pub(crate) fn take_expired(&mut self, now: Timestamp) -> Vec<Ready> {
        let mut due: BTreeMap<Spot, BTreeSet<Position>> = BTreeMap::new();
        while let Some(next) = self.expiries.first_entry()
            && next.key().0 <= now
        {
            let position = next.key().1;
            due.entry(next.remove()).or_default().insert(position);
        }
        let mut expired = Vec::new();
        for (spot, positions) in due {
            let is_due = &mut |ready: &Ready| positions.contains(&ready.position);
            expired.extend(match spot {
                Spot::Suspects => self.suspects.extract(is_due),
                Spot::Queue(class, channel, tenant) => {
                    let queue = &mut self.queues[class][channel];
                    let found = queue.extract(Some(&tenant), is_due);
                    found.iter().for_each(|ready| self.left(ready));
                    found
                }
            });
        }
        expired.sort_unstable_by_key(|ready| (ready.expires_at, ready.position));
        expired
    }

    /// The send of a delivery ended, so that its successor may start. Those that must wait for
    /// more are forgotten: the store offers them again when it is their time.
    pub(crate) fn release(&mut self, ready: &Ready, left: Left) {
        if ready.order == Order::Unordered {
            return;
        }
        if ready.suspicion > 0 {
            // It went past the gate, which another may hold.
            if left != Left::Done {
                self.forget_key(ready.order_key, left);
            }
            return;
        }
        let held = self
            .gates
            .drop_waiting_for(ready.order_key, |waiting| left.holds_back(waiting.order));
        self.forget(held);
        if let Some(next) = self.gates.release(ready) {
            self.enqueue(next, true);
        }
    }

    /// The result of a delivery is written, or will never be: the store may offer it again.
    pub(crate) fn settled(&mut self, position: Position) {
        self.in_hand.remove(&position);
    }

    /// Forgets what waits in these lanes: they have another owner now. What is in flight keeps
    /// its gate.
    pub(crate) fn forget_lanes(&mut self, lost: &[LaneId]) {
        if lost.is_empty() {
            return;
        }
        let lost: HashSet<LaneId> = lost.iter().copied().collect();
        let mut is_lost = |ready: &Ready| lost.contains(&ready.lane);
        let waiting = self.gates.drop_waiting(&mut is_lost);
        self.forget(waiting);
        for ready in self.suspects.extract(&mut is_lost) {
            self.forget_expiry(&ready);
            self.in_hand.remove(&ready.position);
        }
        self.forget_queued(&mut is_lost);
    }

    /// Forgets what waits with this order key and is held back, suspects aside.
    fn forget_key(&mut self, key: u64, left: Left) {
        let mut held_back = |ready: &Ready| ready.order_key == key && left.holds_back(ready.order);
        let waiting = self.gates.drop_waiting_for(key, &mut held_back);
        self.forget(waiting);
        self.forget_queued(&mut held_back);
    }

    /// Forgets what is queued and matches: each holds its gate.
    fn forget_queued(&mut self, matches: &mut dyn FnMut(&Ready) -> bool) {
        let queues = self.queues.iter_mut().flatten();
        let found: Vec<Ready> = queues
            .flat_map(|queue| queue.extract(None, matches))
            .collect();
        for ready in found {
            self.left(&ready);
            self.in_hand.remove(&ready.position);
            self.release(&ready, Left::Done);
        }
    }

    fn forget(&mut self, dropped: Vec<Ready>) {
        for ready in dropped {
            self.in_hand.remove(&ready.position);
            self.left(&ready);
        }
    }

    /// One that was queued or gated is not any more.
    fn left(&mut self, ready: &Ready) {
        if let Some(channel) = self.accounts.of(ready) {
            self.queued[ready.class.index()][channel] -= 1;
            self.stock.remove(ready, channel);
        }
        self.forget_expiry(ready);
    }

    fn enqueue(&mut self, ready: Ready, front: bool) {
        if let Some(channel) = self.accounts.of(&ready) {
            let class = ready.class.index();
            self.note_expiry(&ready, || Spot::Queue(class, channel, ready.tenant.clone()));
            self.queues[class][channel].push(ready, front);
        }
    }

    fn note_expiry(&mut self, ready: &Ready, spot: impl FnOnce() -> Spot) {
        if let Some(expiry) = ready.expires_at {
            self.expiries.insert((expiry, ready.position), spot());
        }
    }

    fn forget_expiry(&mut self, ready: &Ready) {
        if let Some(expiry) = ready.expires_at {
            self.expiries.remove(&(expiry, ready.position));
        }
    }

    /// Smooth weighted round robin over the classes that can be served.
    fn next_class(&mut self, room: &mut impl Room, without: [bool; 3]) -> Option<usize> {
        let mut total = 0;
        let mut best: Option<usize> = None;
        for (class, weight) in CLASS_WEIGHTS.into_iter().enumerate() {
            if without[class] {
                continue;
            }
            let servable = self.queues[class]
                .iter()
                .enumerate()
                .any(|(channel, queue)| {
                    if !self.may_start(class, channel, room) {
                        return false;
                    }
                    let first = queue.has_first() && room.for_first(channel);
                    let retry = queue.has_retry() && !first && room.for_retry(channel);
                    if !room.limits_tenants() {
                        return first || retry;
                    }
                    let retry = queue.has_retry() && room.for_retry(channel);
                    queue.offers(first, retry, &|tenant| room.for_tenant(tenant))
                });
            if !servable {
                // What waits for room keeps its turn; what has nothing to do saves nothing up.
                if !self.queues[class].iter().any(FairQueue::has_any) {
                    self.credit[class] = 0;
                }
                continue;
            }
            total += weight;
            self.credit[class] += weight;
            if best.is_none_or(|best| self.credit[class] > self.credit[best]) {
                best = Some(class);
            }
        }
        let best = best?;
        self.credit[best] -= total;
        Some(best)
    }
}

#[cfg(test)]
pub(crate) use tests::waiting_with_files;

#[cfg(test)]
mod tests;
