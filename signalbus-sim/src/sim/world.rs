use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use signalbus::{Clock as _, DeliveryId};

use super::{
    clock::WorldClock,
    draw::{Draw, hash},
    journal::Journal,
    script::{Call, Desk, Forever, How, Outage, Script, Setup, Trouble},
};
use crate::history::End;

/// What all workers share: time, the journal, and what is broken.
#[derive(Debug)]
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) setup: Setup,
    pub(super) clock: WorldClock,
    pub(super) journal: Journal,
    healed: AtomicBool,
    calls: AtomicU64,
    broken: Mutex<Vec<Window>>,
    outages: Mutex<BTreeMap<&'static str, (Duration, Outage)>>,
    purged: Mutex<Vec<End>>,
    /// Deliveries that were stored to wait for others.
    waiting: Mutex<BTreeSet<DeliveryId>>,
}

/// Trouble while it lasts.
#[derive(Debug)]
struct Window {
    action: u64,
    until: Duration,
    trouble: Trouble,
    calls: u64,
}

/// A run with more calls than this turns in circles: each further call takes time, so that the
/// run comes to its deadline.
const MOST_CALLS: u64 = 20_000;

impl World {
    pub(super) fn new(script: &Script) -> Self {
        let clock = WorldClock::new();
        Self {
            seed: script.seed,
            setup: script.setup.clone(),
            journal: Journal::new(clock.clone()),
            clock,
            healed: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            broken: Mutex::default(),
            outages: Mutex::default(),
            purged: Mutex::default(),
            waiting: Mutex::default(),
        }
    }

    pub(super) fn wait(&self, delivery: DeliveryId) {
        lock(&self.waiting).insert(delivery);
    }

    pub(super) fn waiting(&self) -> BTreeSet<DeliveryId> {
        lock(&self.waiting).clone()
    }

    /// Whether it was waiting.
    pub(super) fn stop_waiting(&self, delivery: DeliveryId) -> bool {
        lock(&self.waiting).remove(&delivery)
    }

    /// From now on nothing goes wrong, but for what is broken for good.
    pub(super) fn heal(&self) {
        self.healed.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_healed(&self) -> bool {
        self.healed.load(Ordering::SeqCst)
    }

    pub(super) fn add_trouble(&self, action: u64, trouble: Trouble) {
        let until = self.clock.monotonic() + trouble.lasts;
        lock(&self.broken).push(Window {
            action,
            until,
            trouble,
            calls: 0,
        });
    }

    pub(super) fn add_outage(&self, desk: Desk, how: Outage, lasts: Duration) {
        let until = self.clock.monotonic() + lasts;
        lock(&self.outages).insert(desk.name(), (until, how));
    }

    /// How a call goes wrong, if it does.
    pub(super) fn trouble(&self, worker: Option<u8>, call: Call) -> Option<How> {
        if self.calls.fetch_add(1, Ordering::SeqCst) > MOST_CALLS {
            return Some(How::SlowBefore(Duration::from_secs(10)));
        }
        if self.is_healed() {
            return None;
        }
        let now = self.clock.monotonic();
        let mut broken = lock(&self.broken);
        broken.retain(|window| window.until > now);
        broken.iter_mut().find_map(|window| {
            let trouble = &window.trouble;
            let meant = trouble.worker.is_none_or(|of| Some(of) == worker)
                && trouble.call.is_none_or(|of| of == call);
            if !meant {
                return None;
            }
            window.calls += 1;
            let luck = hash(&[self.seed, window.action, window.calls]) % 100;
            (luck < trouble.share).then_some(trouble.how)
        })
    }

    /// How a provider is out of order now, if it is.
    pub(super) fn outage(&self, desk: Desk) -> Option<Outage> {
        if self.setup.forever == Some(Forever::Provider(desk)) {
            return Some(Outage::Silent);
        }
        if self.is_healed() {
            return None;
        }
        let (until, how) = lock(&self.outages).get(desk.name()).copied()?;
        (until > self.clock.monotonic()).then_some(how)
    }

    /// Keeps what the store held when it forgot it.
    pub(super) fn add_purged(&self, ends: Vec<End>) {
        lock(&self.purged).extend(ends);
    }

    pub(super) fn take_purged(&self) -> Vec<End> {
        std::mem::take(&mut lock(&self.purged))
    }

    /// The chance of one request: it depends on what the request is, not on what was before.
    pub(super) fn luck(&self, parts: &[u64]) -> Draw {
        Draw::new(hash(&[self.seed, hash(parts)]))
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
