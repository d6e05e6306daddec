//! Sessions that end, connections that are all in use, and deadlines.

use std::time::{Duration, Instant};

use futures::future::join_all;
use signalbus::{
    event::Class,
    name::ChannelName,
    store::{DeliveryFilter, LaneRequest, Retention, Space, Store, StoreErrorKind},
};
use signalbus_postgres::PostgresStore;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    server,
    support::{claim_all, count, event, fetch, hold, ids, sent, settle_all, store_like},
};

/// A store whose sessions can be told from others, and its schema.
async fn named(deadline: Duration) -> (PostgresStore, String) {
    let schema = server::schema();
    let url = format!("{}?application_name={schema}", server::url());
    let builder = PostgresStore::from_url(&url).unwrap();
    let builder = builder.schema(&schema).deadline(deadline);
    (builder.open().await.unwrap(), schema)
}

async fn terminate(schema: &str) -> i64 {
    let mut other = PgConnection::connect(&server::url()).await.unwrap();
    sqlx::query_scalar(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = $1",
    )
    .bind(schema)
    .fetch_one(&mut other)
    .await
    .unwrap()
}

/// A session that the server ended is replaced: the next call goes through, also after many.
#[tokio::test]
async fn after_an_ended_session_the_next_call_works() {
    let (store, schema) = named(Duration::from_secs(5)).await;
    let ids = ids();
    for round in 1..=5 {
        let lanes = hold(&store, &ids).await;
        store
            .accept(vec![event(&ids, "acme", Class::Standard)], Vec::new())
            .await
            .unwrap();
        let ready = fetch(&store, &lanes).await.ready;
        claim_all(&store, &lanes, &ready).await;
        assert!(terminate(&schema).await > 0);
        settle_all(&store, &lanes, &ready, sent()).await;
        assert!(terminate(&schema).await > 0);
        assert_eq!(count(&store).await, round);
        store.suppress(Vec::new()).await.unwrap();
    }
}

/// Leases are renewed and work goes on while calls of the application wait for each other.
#[tokio::test]
async fn a_pool_that_is_eaten_up_does_not_stop_leases_or_the_worker() {
    let (store, schema) = named(Duration::from_secs(20)).await;
    let ids = ids();
    let lanes = hold(&store, &ids).await;
    store
        .accept(vec![event(&ids, "acme", Class::Standard)], Vec::new())
        .await
        .unwrap();
    let ready = fetch(&store, &lanes).await.ready;
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    let mut lock = host.begin().await.unwrap();
    let statement = format!("LOCK TABLE {schema}.suppression IN ACCESS EXCLUSIVE MODE");
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut *lock)
        .await
        .unwrap();
    let stuck: Vec<_> = (0..20)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let hash = signalbus::store::AddressHash([1; 16]);
                let (of, on) = (crate::support::tenant("acme"), crate::support::email());
                store
                    .unsuppress(signalbus::store::Unsuppress::new(of, on, hash))
                    .await
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let request = LaneRequest {
        worker: ids.worker(),
        lease: Duration::from_secs(15),
        spaces: vec![Space::send(&ChannelName::new("email").unwrap())],
        release: Vec::new(),
    };
    let asked = Instant::now();
    store.hold_lanes(request).await.unwrap();
    assert_eq!(fetch(&store, &lanes).await.ready.len(), ready.len());
    assert!(asked.elapsed() < Duration::from_secs(5));
    lock.rollback().await.unwrap();
    for answer in join_all(stuck).await {
        answer.unwrap().unwrap();
    }
}

/// A call that waits too long ends by itself, and is not half done afterwards.
#[tokio::test]
async fn a_call_ends_at_its_deadline_and_may_be_repeated() {
    let (store, schema) = named(Duration::from_millis(300)).await;
    let ids = ids();
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    let mut lock = host.begin().await.unwrap();
    let statement = format!("LOCK TABLE {schema}.event IN ACCESS EXCLUSIVE MODE");
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut *lock)
        .await
        .unwrap();
    let asked = Instant::now();
    let events = vec![event(&ids, "acme", Class::Standard)];
    let error = store.accept(events.clone(), Vec::new()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Ambiguous, "{error}");
    let error = store
        .purge(&Retention::new(Duration::MAX))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    assert!(asked.elapsed() < Duration::from_secs(5));
    lock.rollback().await.unwrap();
    // On a busy machine the short deadline may come again.
    while store.accept(events.clone(), Vec::new()).await.is_err() {}
    let (store, _) = (store_like(&store).await, store);
    assert_eq!(count(&store).await, 1);
}

/// A deadline is never longer than half of the shortest lease that was asked for.
#[tokio::test]
async fn a_short_lease_shortens_the_deadline() {
    let (store, schema) = named(Duration::from_secs(60)).await;
    let request = LaneRequest {
        worker: ids().worker(),
        lease: Duration::from_secs(1),
        spaces: vec![Space::send(&ChannelName::new("email").unwrap())],
        release: Vec::new(),
    };
    store.hold_lanes(request).await.unwrap();
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    let mut lock = host.begin().await.unwrap();
    let statement = format!("LOCK TABLE {schema}.delivery IN ACCESS EXCLUSIVE MODE");
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut *lock)
        .await
        .unwrap();
    let asked = Instant::now();
    let error = store.tally(&DeliveryFilter::new()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(asked.elapsed() < Duration::from_secs(3));
}

/// A server does not notice that its client has gone: a statement that ran on would hold its locks
/// against those who try again.
#[tokio::test]
async fn a_statement_ends_with_its_client() {
    let (store, schema) = named(Duration::from_millis(300)).await;
    let ids = ids();
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    let mut lock = host.begin().await.unwrap();
    let statement = format!("LOCK TABLE {schema}.lane IN ACCESS EXCLUSIVE MODE");
    sqlx::query(AssertSqlSafe(statement))
        .execute(&mut *lock)
        .await
        .unwrap();
    let request = LaneRequest {
        worker: ids.worker(),
        lease: Duration::from_secs(15),
        spaces: vec![Space::send(&ChannelName::new("email").unwrap())],
        release: Vec::new(),
    };
    store.hold_lanes(request).await.unwrap_err();
    let waiting = "SELECT count(*) FROM pg_stat_activity \
                   WHERE wait_event_type = 'Lock' AND application_name = $1";
    let mut waits = 1;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let query = sqlx::query_scalar(waiting).bind(&schema);
        waits = query.fetch_one(&mut *lock).await.unwrap();
        if waits == 0_i64 {
            break;
        }
    }
    assert_eq!(waits, 0, "it waits on, though nobody waits for it");
}
