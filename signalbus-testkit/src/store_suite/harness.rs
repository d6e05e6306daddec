use std::{cell::RefCell, fmt, pin::Pin, rc::Rc, sync::Arc, time::Duration};

use signalbus_core::{
    Clock, DeliveryId, Entropy, EventId, Timestamp,
    clock::later,
    id::IdSource,
    store::{
        Acceptance, DeliveryRecord, EndState, HistoryEntry, NewEvent, Next, Reason, State, Store,
    },
};

use super::{Draft, Place, Worker, acme, result, suppression};
use crate::clock::ManualClock;

/// What a case works with: an empty store, a clock that stands still, and short ways to say what
/// is given.
#[derive(Clone)]
pub struct Harness {
    /// The clock of the store.
    pub clock: ManualClock,
    pub(super) ids: IdSource,
    place: Rc<Place>,
    open: Rc<Opener>,
    pub(super) store: Slot,
}

/// Opens the store of a case, and again when it is restarted.
pub(crate) type Opener =
    dyn for<'a> Fn(Arc<dyn Clock>, &'a Place) -> Pin<Box<dyn Future<Output = Arc<dyn Store>> + 'a>>;

/// The open store, shared with the workers that use it; empty while it is restarted.
#[derive(Debug, Clone, Default)]
pub(super) struct Slot(Rc<RefCell<Option<Arc<dyn Store>>>>);

impl Slot {
    pub(super) fn get(&self) -> Arc<dyn Store> {
        self.0.borrow().clone().expect("the store is open")
    }
}

/// Makes an opener of what a suite is given.
pub(crate) fn opener<F, S>(open: F) -> Rc<Opener>
where
    F: AsyncFn(Arc<dyn Clock>, &Place) -> S + 'static,
    S: Store,
{
    let open = Rc::new(open);
    Rc::new(move |clock, place| {
        let open = Rc::clone(&open);
        Box::pin(async move { Arc::new(open(clock, place).await) as Arc<dyn Store> })
    })
}

impl Harness {
    pub(crate) async fn new(open: Rc<Opener>) -> Self {
        let clock = ManualClock::default();
        let harness = Self {
            ids: IdSource::new(Arc::new(clock.clone()), Arc::new(Entropy::from_seed(1))),
            clock,
            place: Rc::new(Place::new()),
            open,
            store: Slot::default(),
        };
        harness.start().await;
        harness
    }

    /// With a store that is open already.
    pub(crate) fn of(clock: ManualClock, place: Place, store: Arc<dyn Store>) -> Self {
        let opened = Arc::clone(&store);
        Self {
            ids: IdSource::new(Arc::new(clock.clone()), Arc::new(Entropy::from_seed(1))),
            clock,
            place: Rc::new(place),
            open: Rc::new(move |_, _| {
                let store = Arc::clone(&opened);
                Box::pin(async move { store })
            }),
            store: Slot(Rc::new(RefCell::new(Some(store)))),
        }
    }

    /// Where the store is.
    #[cfg(feature = "model")]
    pub(crate) fn folder(&self) -> &std::path::Path {
        self.place.path()
    }

    async fn start(&self) {
        let opened = (self.open)(Arc::new(self.clock.clone()), &self.place).await;
        *self.store.0.borrow_mut() = Some(opened);
    }

    /// Closes the store and opens it again, as a process does that dies and is started again.
    pub async fn restart(&self) {
        drop(self.store.0.borrow_mut().take());
        self.start().await;
    }

    /// The same place, opened once more beside this one, as another process does.
    pub async fn other_process(&self) -> Self {
        let other = Self {
            store: Slot::default(),
            ..self.clone()
        };
        other.start().await;
        other
    }

    /// The store.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        self.store.get()
    }

    /// The store's time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The store's time, so long from now.
    #[must_use]
    pub fn after(&self, delay: Duration) -> Timestamp {
        later(self.clock.now(), delay)
    }

    /// An event of tenant `acme` without recipients.
    #[must_use]
    pub fn event(&self) -> Draft {
        Draft::new(self.ids.clone())
    }

    /// A worker that has asked for lanes, and so holds all that were free.
    pub async fn worker(&self) -> Worker {
        let mut worker = Worker::new(self);
        worker.hold().await;
        worker
    }

    /// A new worker that has taken over all lanes, because the leases of the others have lapsed.
    pub async fn successor(&self) -> Worker {
        self.clock.advance(2 * Worker::LEASE);
        self.worker().await
    }

    /// Stores events; the answers in their order.
    pub async fn accept(&self, events: impl IntoIterator<Item = Draft>) -> Vec<Acceptance> {
        let events: Vec<NewEvent> = events.into_iter().map(NewEvent::from).collect();
        self.store().accept(events, Vec::new()).await.unwrap()
    }

    /// Stores one event that must be new; its deliveries in their order.
    pub async fn given<const N: usize>(&self, event: Draft) -> [DeliveryId; N] {
        let event = NewEvent::from(event);
        let ids: Vec<DeliveryId> = event
            .deliveries
            .iter()
            .map(|delivery| delivery.id)
            .collect();
        let answers = self.store().accept(vec![event], Vec::new()).await.unwrap();
        assert!(
            matches!(answers.as_slice(), [Acceptance::Accepted]),
            "a new event was not accepted: {answers:?}"
        );
        ids.try_into().expect("as many recipients as deliveries")
    }

    /// Stores an event for `recipient` and lets `worker` try it once; it ends so.
    pub async fn ended(
        &self,
        worker: &Worker,
        recipient: &str,
        state: EndState,
        reason: Reason,
    ) -> DeliveryId {
        let [id] = self.given(self.event().to(recipient)).await;
        let ready = worker.ready(id).await;
        worker.claims(&ready).await;
        worker
            .settles(result(&ready, Next::End(state, reason)))
            .await;
        id
    }

    /// Stores an event for `recipient` and lets `worker` try it once; it is dead.
    pub async fn dead(&self, worker: &Worker, recipient: &str) -> DeliveryId {
        self.ended(worker, recipient, EndState::Dead, Reason::Refused)
            .await
    }

    /// A delivery of tenant `acme` as an operator sees it.
    pub async fn delivery(&self, id: DeliveryId) -> DeliveryRecord {
        let found = self.store().delivery(&acme(), id).await.unwrap();
        found.expect("the delivery is there")
    }

    /// Where a delivery of tenant `acme` is.
    pub async fn state(&self, id: DeliveryId) -> State {
        self.delivery(id).await.state
    }

    /// How a delivery of tenant `acme` ended; panics when it has not.
    pub async fn end(&self, id: DeliveryId) -> (EndState, Reason) {
        let delivery = self.delivery(id).await;
        match (delivery.state, delivery.reason) {
            (State::Ended(state), Some(reason)) => (state, reason),
            (state, reason) => panic!("{state:?} with reason {reason:?} is no end"),
        }
    }

    /// The history of a delivery of tenant `acme`.
    pub async fn history(&self, id: DeliveryId) -> Vec<HistoryEntry> {
        self.store().history(&acme(), id).await.unwrap()
    }

    /// Puts the mail address of a recipient of tenant `acme` on the suppression list.
    pub async fn suppress(&self, recipient: &str) {
        let suppressions = vec![suppression("acme", recipient)];
        self.store().suppress(suppressions).await.unwrap();
    }

    /// The id of an event that was never stored.
    #[must_use]
    pub fn unknown_event(&self) -> EventId {
        self.ids.event()
    }

    /// The id of a delivery that was never stored.
    #[must_use]
    pub fn unknown_delivery(&self) -> DeliveryId {
        self.ids.delivery()
    }
}

impl fmt::Debug for Harness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Harness")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}
