//! The host keeps its tables in the same file and publishes in its own transactions.

use std::time::Duration;

use signalbus::{
    event::{Attachment, Class},
    store::{Acceptance, ClaimAnswer, Effect, Flush, Store, StoreErrorKind, Suppression},
};
use signalbus_sqlite::SqliteStore;

use crate::support::{Place, claim, email, event, fetch, hold, ids, keyed, sendable, tenant};

#[tokio::test]
async fn a_commit_of_the_host_publishes() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let ids = ids();
    let published = event(&ids, "acme", Class::Standard);
    let delivery = published.deliveries[0].id;
    let mut tx = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("CREATE TABLE orders (id INTEGER)")
        .execute(&mut *tx)
        .await
        .unwrap();
    let answers = store.accept_in(&mut tx, vec![published]).await.unwrap();
    assert!(matches!(answers[..], [Acceptance::Accepted]));
    let lanes = store.clone();
    tx.commit().await.unwrap();
    let lanes = hold(&lanes, &ids).await;
    assert_eq!(sendable(&store, &lanes).await, [delivery]);
}

#[tokio::test]
async fn a_rollback_of_the_host_sends_nothing_and_frees_the_key() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let ids = ids();
    let mut tx = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let first = keyed(event(&ids, "acme", Class::Standard), "order-1");
    store.accept_in(&mut tx, vec![first.clone()]).await.unwrap();
    let again = store.accept_in(
        &mut tx,
        vec![keyed(event(&ids, "acme", Class::Standard), "order-1")],
    );
    assert!(matches!(
        again.await.unwrap()[..],
        [Acceptance::Duplicate(_)]
    ));
    tx.rollback().await.unwrap();

    let lanes = hold(&store, &ids).await;
    assert!(sendable(&store, &lanes).await.is_empty());
    let retried = keyed(event(&ids, "acme", Class::Standard), "order-1");
    let answers = store.accept(vec![retried], Vec::new()).await.unwrap();
    assert!(matches!(answers[..], [Acceptance::Accepted]));
    assert_eq!(sendable(&store, &lanes).await.len(), 1);
}

#[tokio::test]
async fn an_error_leaves_the_transaction_of_the_host_whole() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let ids = ids();
    let mut tx = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    sqlx::query("CREATE TABLE orders (id INTEGER)")
        .execute(&mut *tx)
        .await
        .unwrap();
    let good = event(&ids, "acme", Class::Standard);
    let mut twice = event(&ids, "acme", Class::Standard);
    twice.deliveries[0].id = good.deliveries[0].id;
    let error = store
        .accept_in(&mut tx, vec![good, twice])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    tx.commit().await.unwrap();
    sqlx::query("INSERT INTO orders VALUES (1)")
        .execute(store.pool())
        .await
        .unwrap();
    let lanes = hold(&store, &ids).await;
    assert!(sendable(&store, &lanes).await.is_empty());
}

#[tokio::test]
async fn accept_in_wants_a_transaction() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let mut conn = store.pool().acquire().await.unwrap();
    let published = event(&ids(), "acme", Class::Standard);
    let error = store
        .accept_in(&mut conn, vec![published])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Invalid);
}

#[tokio::test]
async fn a_host_that_holds_the_file_makes_the_store_unavailable() {
    let place = Place::new();
    let store = SqliteStore::builder(place.database())
        .busy_timeout(Duration::from_millis(20))
        .open()
        .await
        .unwrap();
    let ids = ids();
    let tx = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let published = event(&ids, "acme", Class::Standard);
    let error = store
        .accept(vec![published.clone()], Vec::new())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.is_transient());
    tx.rollback().await.unwrap();
    store.accept(vec![published], Vec::new()).await.unwrap();
}

#[tokio::test]
async fn migrations_of_the_host_live_in_the_same_file() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'table'")
            .fetch_all(store.pool())
            .await
            .unwrap();
    for table in tables {
        assert!(
            table.starts_with("signalbus_") || table.starts_with("sqlite_"),
            "{table}"
        );
    }
}

#[tokio::test]
async fn files_come_with_the_claim_and_an_effect_meets_the_next_claim() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let ids = ids();
    let address = signalbus::store::AddressHash::of(&email(), "ada@example.org");
    let mut events: Vec<_> = (0..2).map(|_| event(&ids, "acme", Class::Bulk)).collect();
    for event in &mut events {
        event.deliveries[0].address = Some(address);
        event.attachments = vec![
            Attachment::new("a.pdf", "application/pdf", vec![0_u8, 255]),
            Attachment::new("b.png", "image/png", Vec::new()).inline("logo"),
        ];
    }
    let files = events[0].attachments.clone();
    store.accept(events, Vec::new()).await.unwrap();
    let lanes = hold(&store, &ids).await;
    let ready = fetch(&store, &lanes).await.ready;

    let first = Flush {
        claims: vec![claim(&ready[0])],
        settles: Vec::new(),
    };
    let answer = store.flush(&lanes, &first).await.unwrap();
    let ClaimAnswer::Claimed(claimed) = &answer.claims[0] else {
        panic!("{:?}", answer.claims);
    };
    let kept = store.files(&tenant("acme"), claimed.event.id).await;
    assert_eq!(kept.unwrap(), files);

    let mut bounced = crate::support::settle(&ready[0], crate::support::sent());
    let entry = Suppression::new(tenant("acme"), email(), address, "bounced");
    bounced.effects = vec![Effect::Suppress(entry)];
    let second = Flush {
        claims: vec![claim(&ready[1])],
        settles: vec![bounced],
    };
    let answer = store.flush(&lanes, &second).await.unwrap();
    assert!(matches!(
        answer.claims[0],
        ClaimAnswer::Refused(signalbus::store::Refusal::Suppressed)
    ));
}
