//! The suite of transactions passes with a host that keeps its promises, and fails with others.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::{panic::catch_unwind, sync::Arc};

use async_trait::async_trait;
use signalbus::{
    Clock,
    store::{Acceptance, MemoryStore, NewEvent, Store, StoreError},
};
use signalbus_testkit::{
    store_suite::LANES,
    transaction_suite::{self, Host, Transaction},
};

signalbus_testkit::transaction_suite! {
    open: async |clock, _| Application::new(clock, Habit::Buffers),
}

/// What an application does with the events of a transaction.
#[derive(Debug, Clone, Copy)]
enum Habit {
    /// Stores them with the commit.
    Buffers,
    /// Stores them at once.
    Rushes,
    /// Stores the first alone.
    Forgets,
}

#[derive(Debug)]
struct Application {
    store: Arc<MemoryStore>,
    habit: Habit,
}

struct Open {
    store: Arc<MemoryStore>,
    habit: Habit,
    events: Vec<NewEvent>,
}

impl Application {
    fn new(clock: Arc<dyn Clock>, habit: Habit) -> Self {
        let store = MemoryStore::builder().clock(clock).lanes(LANES).build();
        Self {
            store: Arc::new(store),
            habit,
        }
    }
}

#[async_trait]
impl Host for Application {
    fn store(&self) -> Arc<dyn Store> {
        self.store.clone()
    }

    async fn begin(&self) -> Box<dyn Transaction> {
        Box::new(Open {
            store: self.store.clone(),
            habit: self.habit,
            events: Vec::new(),
        })
    }
}

#[async_trait]
impl Transaction for Open {
    async fn accept(&mut self, events: Vec<NewEvent>) -> Result<Vec<Acceptance>, StoreError> {
        match self.habit {
            Habit::Rushes => return self.store.accept(events, Vec::new()).await,
            Habit::Forgets if !self.events.is_empty() => {}
            Habit::Buffers | Habit::Forgets => self.events.extend(events),
        }
        Ok(vec![Acceptance::Accepted])
    }

    async fn commit(self: Box<Self>) {
        self.store.accept(self.events, Vec::new()).await.unwrap();
    }

    async fn rollback(self: Box<Self>) {}
}

fn fails(habit: Habit, case: impl AsyncFnOnce(transaction_suite::Scene)) -> bool {
    let open = async move |clock, _: &_| Application::new(clock, habit);
    catch_unwind(std::panic::AssertUnwindSafe(|| {
        transaction_suite::run(open, case);
    }))
    .is_err()
}

#[test]
fn a_host_that_stores_at_once_fails() {
    let habit = Habit::Rushes;
    assert!(fails(
        habit,
        transaction_suite::a_rollback_publishes_nothing
    ));
    assert!(fails(
        habit,
        transaction_suite::what_is_not_committed_is_not_seen
    ));
    assert!(fails(
        habit,
        transaction_suite::commits_in_any_order_lose_nothing
    ));
}

#[test]
fn a_host_that_forgets_fails() {
    assert!(fails(
        Habit::Forgets,
        transaction_suite::several_publishes_share_a_transaction
    ));
}
