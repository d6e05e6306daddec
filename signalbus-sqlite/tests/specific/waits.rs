//! Who waits for whom, and for how long, when the host holds the file.

use std::time::{Duration, Instant};

use signalbus::{
    event::Class,
    store::{Store, StoreErrorKind},
};
use signalbus_sqlite::SqliteStore;

use crate::support::{Place, event, hold, ids};

const TIMEOUT: Duration = Duration::from_millis(600);

async fn open(place: &Place) -> SqliteStore {
    let builder = SqliteStore::builder(place.database()).busy_timeout(TIMEOUT);
    builder.open().await.unwrap()
}

/// Many calls wait side by side, and not one behind the other.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_call_waits_longer_than_the_busy_timeout() {
    let place = Place::new();
    let store = open(&place).await;
    let ids = ids();
    let held = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let begun = Instant::now();
    let calls = (0..6).map(|_| {
        let (store, event) = (store.clone(), event(&ids, "acme", Class::Standard));
        async move { store.accept(vec![event], Vec::new()).await }
    });
    for answer in futures::future::join_all(calls).await {
        let error = answer.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    }
    // One behind the other they take six times as long; a busy machine has time for three.
    let took = begun.elapsed();
    assert!(took < TIMEOUT * 3, "{took:?}");
    held.rollback().await.unwrap();
    let event = event(&ids, "acme", Class::Standard);
    store.accept(vec![event], Vec::new()).await.unwrap();
}

/// A wait that was cut short is not left to the next call.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_next_call_has_all_of_the_time_again() {
    let place = Place::new();
    let store = open(&place).await;
    let ids = ids();
    let held = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let accept = || {
        let (store, event) = (store.clone(), event(&ids, "acme", Class::Standard));
        async move { store.accept(vec![event], Vec::new()).await }
    };
    let (first, second) = tokio::join!(accept(), accept());
    assert!(first.is_err() && second.is_err());
    held.rollback().await.unwrap();
    let held = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let waiting = tokio::spawn(accept());
    tokio::time::sleep(TIMEOUT / 3).await;
    held.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();
    hold(&store, &ids).await;
}

/// A transaction that began with a read cannot write any more when somebody else did: that is said where the
/// event is published, with what to do.
#[tokio::test]
async fn a_deferred_transaction_is_told_how_to_begin() {
    let place = Place::new();
    let store = open(&place).await;
    let ids = ids();
    let mut deferred = store.pool().begin().await.unwrap();
    sqlx::query("SELECT count(*) FROM signalbus_event")
        .fetch_one(&mut *deferred)
        .await
        .unwrap();
    let other = event(&ids, "acme", Class::Standard);
    store.accept(vec![other], Vec::new()).await.unwrap();
    let published = event(&ids, "acme", Class::Standard);
    let error = store
        .accept_in(&mut deferred, vec![published.clone()])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("BEGIN IMMEDIATE"), "{error}");
    deferred.rollback().await.unwrap();
    // The same while somebody is at it.
    let held = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let mut deferred = store.pool().begin().await.unwrap();
    let error = store
        .accept_in(&mut deferred, vec![published.clone()])
        .await
        .unwrap_err();
    assert!(error.to_string().contains("BEGIN IMMEDIATE"), "{error}");
    held.rollback().await.unwrap();
    deferred.rollback().await.unwrap();
    // One that has read nothing before may begin as it likes.
    let mut deferred = store.pool().begin().await.unwrap();
    store
        .accept_in(&mut deferred, vec![published])
        .await
        .unwrap();
    deferred.commit().await.unwrap();
}
