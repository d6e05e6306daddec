//! What a store has to do in a transaction of its host, for this one.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

use std::sync::Arc;

use async_trait::async_trait;
use signalbus::store::{Acceptance, NewEvent, Store, StoreError};
use signalbus_sqlite::SqliteStore;
use signalbus_testkit::{
    store_suite::LANES,
    transaction_suite::{Host, Transaction},
};

signalbus_testkit::transaction_suite! {
    open: async |clock, place| {
        let builder = SqliteStore::builder(place.path().join("notifications.db"));
        let store = builder.clock(clock).lanes(LANES).open().await;
        Application(store.expect("the place is new"))
    },
}

#[derive(Debug)]
struct Application(SqliteStore);

struct Open {
    store: SqliteStore,
    transaction: sqlx::Transaction<'static, sqlx::Sqlite>,
}

#[async_trait]
impl Host for Application {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.0.clone())
    }

    async fn begin(&self) -> Box<dyn Transaction> {
        let transaction = self.0.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
        Box::new(Open {
            store: self.0.clone(),
            transaction,
        })
    }
}

#[async_trait]
impl Transaction for Open {
    async fn accept(&mut self, events: Vec<NewEvent>) -> Result<Vec<Acceptance>, StoreError> {
        self.store.accept_in(&mut self.transaction, events).await
    }

    async fn commit(self: Box<Self>) {
        self.transaction.commit().await.unwrap();
    }

    async fn rollback(self: Box<Self>) {
        self.transaction.rollback().await.unwrap();
    }
}
