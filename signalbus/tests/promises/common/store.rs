//! A store that fails when it is told to, around the one in memory.

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use signalbus::{
    DeliveryId, MemoryStore, Store,
    store::{
        Acceptance, BusAdvance, Fetched, Flush, Flushed, LaneHolding, LaneId, LaneLease,
        LaneRequest, Listed, NewEvent, StoreError, StoreErrorKind, StoreFeatures, Suppression,
        Window,
    },
};
use signalbus_testkit::StoreLayer;

/// The calls that the engine depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Call {
    Accept,
    HoldLanes,
    Fetch,
    Flush,
    Suppressed,
}

/// When a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fails {
    /// Nothing was written.
    Before,
    /// Everything was written, and the answer was lost.
    After,
    /// It never answers.
    Silent,
    /// Everything was written, and the answer comes a minute later.
    Late,
    /// Nothing was written, nor will it be.
    ForGood,
    /// It panics.
    Panics,
}

type Plan = Box<dyn FnMut(Call) -> Option<Fails> + Send>;

/// When a flush fails, by what is in it.
type FlushPlan = Box<dyn FnMut(&Flush) -> Option<Fails> + Send>;

/// Says of itself that it is durable, so that it can be used for messages that are sent at most
/// once. Clones are the same store.
#[derive(Clone)]
pub(crate) struct TestStore {
    inner: MemoryStore,
    plan: Arc<Mutex<Plan>>,
    flush_plan: Arc<Mutex<FlushPlan>>,
    /// How long each flush takes, and which lanes are in those on their way.
    flushing: Arc<Mutex<(Duration, Vec<LaneId>)>>,
    /// Deliveries that cannot be claimed, and how many flushes failed over each.
    unreadable: Arc<Mutex<HashMap<DeliveryId, u32>>>,
    /// Events of this topic are refused for good, and everything that comes with them.
    refused: Arc<Mutex<Option<&'static str>>>,
}

impl TestStore {
    pub(crate) fn new(inner: MemoryStore) -> Self {
        Self {
            inner,
            plan: Arc::new(Mutex::new(Box::new(|_| None))),
            flush_plan: Arc::new(Mutex::new(Box::new(|_| None))),
            flushing: Arc::default(),
            unreadable: Arc::default(),
            refused: Arc::default(),
        }
    }

    /// From now on a flush that claims one of these fails for good.
    pub(crate) fn cannot_claim(&self, ids: &[DeliveryId]) {
        *self.unreadable.lock().unwrap() = ids.iter().map(|id| (*id, 0)).collect();
    }

    /// From now on what is accepted with an event of this topic fails for good.
    pub(crate) fn refuse(&self, topic: &'static str) {
        *self.refused.lock().unwrap() = Some(topic);
    }

    /// How many flushes failed over a delivery that cannot be claimed.
    pub(crate) fn failed_over(&self, id: DeliveryId) -> u32 {
        self.unreadable.lock().unwrap()[&id]
    }

    /// From now on calls fail as this says.
    pub(crate) fn fail(&self, plan: impl FnMut(Call) -> Option<Fails> + Send + 'static) {
        *self.plan.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(plan);
    }

    /// From now on a flush fails as this says of what is in it.
    pub(crate) fn fail_flush(&self, plan: impl FnMut(&Flush) -> Option<Fails> + Send + 'static) {
        *self.flush_plan.lock().unwrap() = Box::new(plan);
    }

    /// From now on each flush takes this long. Panics when a lane is in two of them at once.
    pub(crate) fn slow(&self, flush: Duration) {
        self.flushing.lock().unwrap().0 = flush;
    }

    /// From now on nothing fails.
    pub(crate) fn heal(&self) {
        self.fail(|_| None);
        self.fail_flush(|_| None);
    }

    async fn call<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let fails = {
            let mut plan = self.plan.lock().unwrap_or_else(PoisonError::into_inner);
            plan(call)
        };
        Self::play(fails, work).await
    }

    async fn play<T>(
        fails: Option<Fails>,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        if fails == Some(Fails::ForGood) {
            let kind = StoreErrorKind::Corrupt;
            return Err(StoreError::new(kind, "the test cannot write this"));
        }
        assert_ne!(fails, Some(Fails::Panics), "the test lets the store panic");
        if fails == Some(Fails::Silent) {
            std::future::pending::<()>().await;
        }
        if fails == Some(Fails::Before) {
            let kind = StoreErrorKind::Unavailable;
            let error = StoreError::new(kind, "the test took the store away");
            return Err(error.with_source("a cable was cut"));
        }
        let answer = work.await;
        if fails == Some(Fails::Late) {
            pass(super::MINUTE).await;
        }
        if fails == Some(Fails::After) {
            let kind = StoreErrorKind::Ambiguous;
            return Err(StoreError::new(kind, "the test lost the answer"));
        }
        answer
    }
}

impl fmt::Debug for TestStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestStore").finish_non_exhaustive()
    }
}

#[async_trait]
impl StoreLayer for TestStore {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    fn features(&self) -> StoreFeatures {
        self.inner.features().durable(true)
    }

    async fn accept(
        &self,
        events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let refused = *self.refused.lock().unwrap();
        let is_refused = |event: &NewEvent| {
            Some(event.topic.as_str()) == refused
                && event.deliveries.iter().any(|one| one.ended.is_none())
        };
        if events.iter().any(is_refused) {
            let kind = StoreErrorKind::Invalid;
            return Err(StoreError::new(kind, "the test refuses this topic"));
        }
        self.call(Call::Accept, self.inner.accept(events, advance))
            .await
    }

    async fn hold_lanes(&self, request: LaneRequest) -> Result<LaneHolding, StoreError> {
        self.call(Call::HoldLanes, self.inner.hold_lanes(request))
            .await
    }

    async fn fetch(&self, lanes: &[LaneLease], window: Window) -> Result<Fetched, StoreError> {
        self.call(Call::Fetch, self.inner.fetch(lanes, window))
            .await
    }

    async fn suppressed(&self, asked: Vec<Listed>) -> Result<Vec<Option<Suppression>>, StoreError> {
        self.call(Call::Suppressed, self.inner.suppressed(asked))
            .await
    }

    async fn flush(&self, lanes: &[LaneLease], flush: &Flush) -> Result<Flushed, StoreError> {
        let mut unreadable = false;
        for claim in &flush.claims {
            if let Some(failed) = self.unreadable.lock().unwrap().get_mut(&claim.id) {
                *failed += 1;
                unreadable = true;
            }
        }
        if unreadable {
            let kind = StoreErrorKind::Corrupt;
            return Err(StoreError::new(kind, "the test damaged a delivery"));
        }
        let fails = (self
            .flush_plan
            .lock()
            .unwrap_or_else(PoisonError::into_inner))(flush);
        let fails = fails
            .or_else(|| (self.plan.lock().unwrap_or_else(PoisonError::into_inner))(Call::Flush));
        let (_way, wait) = self.begin(flush);
        if wait > Duration::ZERO {
            pass(wait).await;
        }
        Self::play(fails, self.inner.flush(lanes, flush)).await
    }
}

/// Lanes of a flush on its way.
struct Flushing {
    all: Arc<Mutex<(Duration, Vec<LaneId>)>>,
    lanes: Vec<LaneId>,
}

impl Drop for Flushing {
    fn drop(&mut self) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.1.retain(|lane| !self.lanes.contains(lane));
    }
}

impl TestStore {
    fn begin(&self, flush: &Flush) -> (Flushing, Duration) {
        let lanes: Vec<LaneId> = lanes_of(flush).collect();
        let mut flushing = self.flushing.lock().unwrap_or_else(PoisonError::into_inner);
        let shared = lanes.iter().find(|lane| flushing.1.contains(lane));
        assert_eq!(shared, None, "a lane is in two flushes at once");
        flushing.1.extend(&lanes);
        let all = Arc::clone(&self.flushing);
        (Flushing { all, lanes }, flushing.0)
    }
}

/// The time of the runtime is that of the test.
#[expect(
    clippy::disallowed_methods,
    reason = "the clock is paused, and not at hand"
)]
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

fn lanes_of(flush: &Flush) -> impl Iterator<Item = LaneId> {
    let claims = flush.claims.iter().map(|claim| claim.lane);
    claims.chain(flush.settles.iter().map(|settle| settle.lane))
}
