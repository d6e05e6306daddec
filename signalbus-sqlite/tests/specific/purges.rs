//! Purging is in nobody's way.

use std::{collections::BTreeMap, time::Duration};

use signalbus::{
    event::{Attachment, Class},
    name::ProviderName,
    store::{
        EndState, Flush, NewRecipient, Next, Reason, Receipt, ReceiptKind, ReceiptTarget,
        RecipientKey, Retention, Store,
    },
};
use signalbus_sqlite::SqliteStore;

use crate::support::{
    Place, claim_all, event, fetch, hold, ids, keyed, sent, settle, settle_all, tenant,
};

/// The tables of what happens to events, and how many rows each has.
async fn rows(store: &SqliteStore) -> BTreeMap<String, i64> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND name IN
         ('signalbus_event', 'signalbus_recipient', 'signalbus_secret', 'signalbus_attachment',
          'signalbus_delivery', 'signalbus_rendering', 'signalbus_history', 'signalbus_receipt')",
    )
    .fetch_all(store.pool())
    .await
    .unwrap();
    assert_eq!(tables.len(), 8);
    let mut rows = BTreeMap::new();
    for table in tables {
        let sql = format!("SELECT count(*) FROM {table}");
        let count = sqlx::query_scalar(sqlx::AssertSqlSafe(sql))
            .fetch_one(store.pool())
            .await
            .unwrap();
        rows.insert(table, count);
    }
    rows
}

/// Not only what can be asked for by the id of what is gone.
#[tokio::test]
async fn nothing_is_left_of_what_was_forgotten() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let ids = ids();
    let mut whole = keyed(event(&ids, "acme", Class::Standard), "key");
    whole.attachments = vec![Attachment::new("a.pdf", "application/pdf", vec![1])];
    whole.secret = Some(b"7".to_vec().into());
    whole.recipients = vec![NewRecipient {
        key: RecipientKey::of(&tenant("acme"), "ada"),
        content: b"{}".to_vec().into(),
    }];
    let delivery = whole.deliveries[0].id;
    store.accept(vec![whole], Vec::new()).await.unwrap();
    let lanes = hold(&store, &ids).await;
    let ready = fetch(&store, &lanes).await.ready;
    claim_all(&store, &lanes, &ready).await;
    let mut retried = settle(&ready[0], Next::Retry(Duration::ZERO));
    retried.rendering = Some(b"rendered".to_vec().into());
    let flush = Flush {
        claims: Vec::new(),
        settles: vec![retried],
    };
    store.flush(&lanes, &flush).await.unwrap();
    let before = rows(&store).await;
    for (table, count) in &before {
        assert!(*count > 0 || table == "signalbus_receipt", "{before:?}");
    }
    let ready = fetch(&store, &lanes).await.ready;
    claim_all(&store, &lanes, &ready).await;
    let mut ended = settle(&ready[0], Next::End(EndState::Dead, Reason::Refused));
    // For a frozen redrive.
    ended.rendering = Some(b"rendered".to_vec().into());
    let flush = Flush {
        claims: Vec::new(),
        settles: vec![ended],
    };
    store.flush(&lanes, &flush).await.unwrap();
    let receipt = Receipt::new(
        tenant("acme"),
        ProviderName::new("test").unwrap(),
        ReceiptTarget::Delivery(delivery),
        ReceiptKind::Delivered,
        "receipt",
    );
    store.record_receipts(vec![receipt]).await.unwrap();
    assert_eq!(rows(&store).await["signalbus_receipt"], 1);
    assert_eq!(rows(&store).await["signalbus_rendering"], 1);
    tokio::time::sleep(Duration::from_millis(2)).await;
    let purged = store.purge(&Retention::new(Duration::ZERO)).await.unwrap();
    assert_eq!(purged, 1);
    let left = rows(&store).await;
    assert!(left.values().all(|count| *count == 0), "{left:?}");
}

/// What is old enough is said to the moment.
#[tokio::test]
async fn what_ended_a_moment_ago_stays() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let ids = ids();
    store
        .accept(vec![event(&ids, "acme", Class::Standard)], Vec::new())
        .await
        .unwrap();
    let lanes = hold(&store, &ids).await;
    let ready = fetch(&store, &lanes).await.ready;
    claim_all(&store, &lanes, &ready).await;
    settle_all(&store, &lanes, &ready, sent()).await;
    let keep = Retention::new(Duration::from_secs(3_600));
    assert_eq!(store.purge(&keep).await.unwrap(), 0);
}

/// It looks without the right to write, however much there is that is old and open.
#[tokio::test]
async fn a_purge_that_finds_nothing_asks_nobody_to_wait() {
    let place = Place::new();
    let store = SqliteStore::builder(place.database())
        .busy_timeout(Duration::from_millis(20))
        .open()
        .await
        .unwrap();
    let ids = ids();
    let events = (0..100).map(|_| event(&ids, "acme", Class::Standard));
    store.accept(events.collect(), Vec::new()).await.unwrap();
    let held = store.pool().begin_with("BEGIN IMMEDIATE").await.unwrap();
    let purged = store.purge(&Retention::new(Duration::ZERO)).await.unwrap();
    assert_eq!(purged, 0);
    drop(held);
}
