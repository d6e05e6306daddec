//! Futures that are dropped half-way do no harm.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
};

use signalbus::{
    event::Class,
    store::{DeliveryFilter, Store},
};
use signalbus_sqlite::SqliteStore;
use sqlx::Connection;

use crate::support::{Place, event, ids};

/// Polls `future` so often, with pauses in which others go on, and drops it then.
async fn drop_after<F: Future>(polls: usize, future: F) {
    let mut future = pin!(future);
    for _ in 0..polls {
        let mut context = Context::from_waker(Waker::noop());
        if future.as_mut().poll(&mut context).is_ready() {
            return;
        }
        std::thread::yield_now();
    }
}

async fn count(store: &SqliteStore) -> u64 {
    let tally = store.tally(&DeliveryFilter::new()).await.unwrap();
    tally.iter().map(|tally| tally.count).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_accept_is_done_whole() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let ids = ids();
    for polls in 1..=40_u64 {
        let events = vec![
            event(&ids, "acme", Class::Standard),
            event(&ids, "acme", Class::Standard),
        ];
        let accept = store.accept(events, Vec::new());
        drop_after(usize::try_from(polls).unwrap(), accept).await;
        let mut counted = count(&store).await;
        while counted < polls * 2 {
            assert_eq!(counted, (polls - 1) * 2, "half of it is there");
            tokio::task::yield_now().await;
            counted = count(&store).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_begin_leaves_no_transaction_to_the_next_borrower() {
    let place = Place::new();
    let store = host_table(&place).await;
    let mut written = 0;
    for polls in 1..200 {
        drop_after(polls % 25, store.pool().begin()).await;
        insert(&store).await;
        written += 1;
    }
    assert_eq!(durable(&place, &store).await, written);
}

#[tokio::test]
async fn a_transaction_that_sqlx_does_not_know_of_ends_with_its_borrower() {
    let place = Place::new();
    let store = host_table(&place).await;
    let mut borrowed = store.pool().acquire().await.unwrap();
    sqlx::query("BEGIN").execute(&mut *borrowed).await.unwrap();
    drop(borrowed);
    for _ in 0..20 {
        insert(&store).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(durable(&place, &store).await, 20);
}

async fn host_table(place: &Place) -> SqliteStore {
    let store = SqliteStore::open(place.database()).await.unwrap();
    sqlx::query("CREATE TABLE host (number INTEGER)")
        .execute(store.pool())
        .await
        .unwrap();
    store
}

async fn insert(store: &SqliteStore) {
    sqlx::query("INSERT INTO host VALUES (1)")
        .execute(store.pool())
        .await
        .unwrap();
}

/// What a connection finds that knows nothing of the pool.
async fn durable(place: &Place, store: &SqliteStore) -> i64 {
    store.pool().close().await;
    let url = format!("sqlite://{}", place.database().display());
    let mut outside = sqlx::SqliteConnection::connect(&url).await.unwrap();
    sqlx::query_scalar("SELECT count(*) FROM host")
        .fetch_one(&mut outside)
        .await
        .unwrap()
}
