//! Transactions of others that stay open, and commits in another order than the positions.

use std::time::Duration;

use signalbus::{
    EngineOptions,
    event::{Class, Order},
    store::Store,
};
use sqlx::{Connection, PgConnection};

use crate::{
    engine::{Counter, engine, message},
    server,
    support::{event, fetch, hold, ids, ordered, sendable, store},
};

/// A transaction that reads for long keeps what is dead from being removed, and delays nobody.
#[tokio::test]
async fn a_pinned_snapshot_delays_nobody() {
    let (store, counter) = (store().await, Counter::default());
    let mut pin = PgConnection::connect(&server::url()).await.unwrap();
    let mut pin = pin
        .begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ")
        .await
        .unwrap();
    sqlx::query("SELECT count(*) FROM pg_class")
        .execute(&mut *pin)
        .await
        .unwrap();
    let signalbus = engine(store, &counter, EngineOptions::default());
    signalbus.start();
    for round in 0..20 {
        let batch = (0..50).map(|number| message(&format!("{round}-{number}")));
        signalbus.publish_all(batch.collect()).await.unwrap();
    }
    counter.reaches(1_000, Duration::from_secs(60)).await;
    signalbus.idle().await;
    signalbus.shutdown().await;
    assert!(counter.requests().values().all(|count| *count == 1));
    pin.rollback().await.unwrap();
}

/// A host that publishes and goes on for long delays its own events only, and they are found when
/// it commits, although later ones were sent before.
#[tokio::test]
async fn a_long_transaction_of_a_host_delays_only_itself() {
    let (store, ids) = (store().await, ids());
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    let mut long = host.begin().await.unwrap();
    let early = event(&ids, "acme", Class::Standard);
    let first = early.deliveries[0].id;
    store.accept_in(&mut long, vec![early]).await.unwrap();
    let lanes = hold(&store, &ids).await;
    for _ in 0..20 {
        store
            .accept(vec![event(&ids, "acme", Class::Standard)], Vec::new())
            .await
            .unwrap();
    }
    assert_eq!(fetch(&store, &lanes).await.ready.len(), 20);
    long.commit().await.unwrap();
    assert_eq!(fetch(&store, &lanes).await.ready.len(), 21);
    assert_eq!(fetch(&store, &lanes).await.ready[0].id, first);
}

/// A strictly ordered delivery that commits late is not lost behind one that committed before.
#[tokio::test]
async fn a_strict_one_that_commits_late_is_sent() {
    let (store, ids) = (store().await, ids());
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    let mut late = host.begin().await.unwrap();
    let strict = || ordered(event(&ids, "acme", Class::Standard), Order::Strict);
    let (first, second) = (strict(), strict());
    let (head, successor) = (first.deliveries[0].id, second.deliveries[0].id);
    store.accept_in(&mut late, vec![first]).await.unwrap();
    store.accept(vec![second], Vec::new()).await.unwrap();
    let lanes = hold(&store, &ids).await;
    assert_eq!(sendable(&store, &lanes).await, [successor]);
    late.commit().await.unwrap();
    assert!(sendable(&store, &lanes).await.contains(&head));
}
