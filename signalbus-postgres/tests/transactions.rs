//! What a store has to do in a transaction of its host, for this one.

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

mod support;

use std::sync::Arc;

use async_trait::async_trait;
use signalbus::store::{Acceptance, NewEvent, Store, StoreError};
use signalbus_postgres::PostgresStore;
use signalbus_testkit::transaction_suite::{Host, Transaction};
use sqlx::PgPool;

signalbus_testkit::transaction_suite! {
    open: async |clock, _| {
        let store = support::builder(&support::schema()).clock(clock).open().await;
        Application {
            store: store.unwrap(),
            pool: PgPool::connect(&support::url()).await.unwrap(),
        }
    },
}

#[derive(Debug)]
struct Application {
    store: PostgresStore,
    pool: PgPool,
}

struct Open {
    store: PostgresStore,
    transaction: sqlx::Transaction<'static, sqlx::Postgres>,
}

#[async_trait]
impl Host for Application {
    fn store(&self) -> Arc<dyn Store> {
        Arc::new(self.store.clone())
    }

    async fn begin(&self) -> Box<dyn Transaction> {
        Box::new(Open {
            store: self.store.clone(),
            transaction: self.pool.begin().await.unwrap(),
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
