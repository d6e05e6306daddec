//! What a store has to do that takes events in a transaction of its host (promise P1), as tests:
//! one for each case, beside those of [`store_suite`](mod@crate::store_suite).
//!
//! An adapter says in a [`Host`] how its application begins a transaction, and runs the cases:
//!
//! ```text
//! signalbus_testkit::transaction_suite! {
//!     open: async |clock, place| MyHost::open(clock, place).await,
//! }
//! ```

#![expect(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a case fails by panicking"
)]

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use signalbus_core::{
    Clock, DeliveryId,
    store::{Acceptance, NewEvent, Store, StoreError},
};

use crate::store_suite::{Draft, Harness, Place, Worker};

/// An application with a store in its own database.
#[async_trait]
pub trait Host: fmt::Debug + Send + Sync + 'static {
    /// The store.
    fn store(&self) -> Arc<dyn Store>;
    /// Begins a transaction of the application.
    async fn begin(&self) -> Box<dyn Transaction>;
}

/// A transaction of the application that may take events.
#[async_trait]
pub trait Transaction: Send {
    /// Stores events in this transaction.
    async fn accept(&mut self, events: Vec<NewEvent>) -> Result<Vec<Acceptance>, StoreError>;
    /// Commits it.
    async fn commit(self: Box<Self>);
    /// Rolls it back.
    async fn rollback(self: Box<Self>);
}

/// Makes one test of each case; see [`transaction_suite`](mod@crate::transaction_suite).
#[macro_export]
macro_rules! transaction_suite {
    (open: $open:expr $(,)?) => {
        $crate::transaction_suite! { @cases $open;
            a_commit_publishes
            a_rollback_publishes_nothing
            what_is_not_committed_is_not_seen
            several_publishes_share_a_transaction
            commits_in_any_order_lose_nothing
        }
    };
    (@cases $open:expr; $($case:ident)*) => {
        $(
            #[test]
            fn $case() {
                $crate::transaction_suite::run($open, $crate::transaction_suite::$case);
            }
        )*
    };
}

/// What a case works with.
#[derive(Debug)]
pub struct Scene {
    host: Arc<dyn Host>,
    harness: Harness,
    worker: Worker,
}

impl Scene {
    fn event(&self) -> (DeliveryId, NewEvent) {
        self.made(self.harness.event())
    }

    fn made(&self, draft: Draft) -> (DeliveryId, NewEvent) {
        let event = NewEvent::from(draft.to("ada"));
        (event.deliveries[0].id, event)
    }

    async fn begin(&self) -> Box<dyn Transaction> {
        self.host.begin().await
    }
}

/// Runs one case with a new host.
///
/// # Panics
/// When the case fails.
pub fn run<F, H>(open: F, case: impl AsyncFnOnce(Scene))
where
    F: AsyncFn(Arc<dyn Clock>, &Place) -> H,
    H: Host,
{
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(async {
            let clock = crate::clock::ManualClock::default();
            let place = Place::new();
            let host: Arc<dyn Host> = Arc::new(open(Arc::new(clock.clone()), &place).await);
            let harness = Harness::of(clock, place, host.store());
            let worker = harness.worker().await;
            case(Scene {
                host,
                harness,
                worker,
            })
            .await;
        });
}

async fn accepts(transaction: &mut dyn Transaction, event: NewEvent) {
    let answers = transaction.accept(vec![event]).await.unwrap();
    assert!(
        matches!(answers.as_slice(), [Acceptance::Accepted]),
        "a new event was not accepted: {answers:?}"
    );
}

/// P1: what was committed is sent.
pub async fn a_commit_publishes(s: Scene) {
    let (ada, event) = s.event();
    let mut transaction = s.begin().await;
    accepts(&mut *transaction, event).await;
    transaction.commit().await;
    assert!(s.worker.sees(ada).await);
}

/// P1, P7: what was rolled back never was; its key is free.
pub async fn a_rollback_publishes_nothing(s: Scene) {
    let keyed = || s.made(s.harness.event().key("order-1").content("paid"));
    let (never, event) = keyed();
    let mut transaction = s.begin().await;
    accepts(&mut *transaction, event).await;
    transaction.rollback().await;
    assert!(!s.worker.sees(never).await, "it was rolled back");

    let (ada, event) = keyed();
    let mut transaction = s.begin().await;
    accepts(&mut *transaction, event).await;
    transaction.commit().await;
    assert!(s.worker.sees(ada).await);
    assert!(!s.worker.sees(never).await);
}

/// P1: nobody sends what is not committed.
pub async fn what_is_not_committed_is_not_seen(s: Scene) {
    let (ada, event) = s.event();
    let mut transaction = s.begin().await;
    accepts(&mut *transaction, event).await;
    assert!(!s.worker.sees(ada).await, "it may yet be rolled back");
    transaction.commit().await;
    assert!(s.worker.sees(ada).await);
}

/// P1: all publishes of a transaction come with its commit.
pub async fn several_publishes_share_a_transaction(s: Scene) {
    let ((ada, first), (bob, second)) = (s.event(), s.event());
    let mut transaction = s.begin().await;
    accepts(&mut *transaction, first).await;
    accepts(&mut *transaction, second).await;
    transaction.commit().await;
    assert!(s.worker.sees(ada).await && s.worker.sees(bob).await);
}

/// P1: a transaction that began first and commits last is not stepped over by whoever read
/// meanwhile. A store with one writer at a time lets the second wait for the first.
#[expect(
    clippy::disallowed_methods,
    reason = "whether a store lets two write at once shows in real time only; both pass"
)]
pub async fn commits_in_any_order_lose_nothing(s: Scene) {
    let ((ada, first), (bob, second)) = (s.event(), s.event());
    let mut early = s.begin().await;
    accepts(&mut *early, first).await;
    let mut overtakes = std::pin::pin!(async {
        let mut late = s.begin().await;
        accepts(&mut *late, second).await;
        late.commit().await;
    });
    let overtaken = tokio::time::timeout(Duration::from_millis(200), &mut overtakes)
        .await
        .is_ok();
    if overtaken {
        s.worker.sends(bob, "m-1").await;
    }
    assert!(!s.worker.sees(ada).await, "it is not committed");
    early.commit().await;
    if !overtaken {
        overtakes.await;
        s.worker.sends(bob, "m-1").await;
    }
    assert!(s.worker.sees(ada).await, "it was stepped over");
}
