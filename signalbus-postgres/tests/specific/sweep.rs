//! What two transactions that run at the same time may leave lying: here it is put there by hand.

use signalbus::{
    event::{Class, Order},
    store::{LaneRequest, Receipt, ReceiptEffect, ReceiptKind, ReceiptTarget, Store},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    server,
    support::{
        claim_all, event, fetch, hold, ids, ordered, schema_of, sendable, sent, settle_all, store,
        tenant,
    },
};

async fn run(sql: String) {
    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql))
        .execute(&mut host)
        .await
        .unwrap();
}

/// Any worker that renews looks, when nobody has for half a minute.
fn renewal() -> LaneRequest {
    LaneRequest {
        worker: ids().worker(),
        lease: std::time::Duration::from_secs(15),
        spaces: Vec::new(),
        release: Vec::new(),
    }
}

#[tokio::test]
async fn a_successor_that_nothing_holds_back_any_more_is_found() {
    let (store, ids) = (store().await, ids());
    let schema = schema_of(&store);
    let lanes = hold(&store, &ids).await;
    let strict = ordered(event(&ids, "acme", Class::Standard), Order::Strict);
    let id = strict.deliveries[0].id;
    store.accept(vec![strict], Vec::new()).await.unwrap();
    run(format!("UPDATE {schema}.delivery SET state = 3")).await;
    assert!(sendable(&store, &lanes).await.is_empty());
    store.hold_lanes(renewal()).await.unwrap();
    assert!(sendable(&store, &lanes).await.is_empty(), "it is not time");
    run(format!("UPDATE {schema}.meta SET swept_at = 0")).await;
    store.hold_lanes(renewal()).await.unwrap();
    assert_eq!(sendable(&store, &lanes).await, [id]);
}

#[tokio::test]
async fn a_receipt_that_was_parked_while_its_message_was_settled_is_applied() {
    let (store, ids) = (store().await, ids());
    let schema = schema_of(&store);
    let lanes = hold(&store, &ids).await;
    let accepted = event(&ids, "acme", Class::Standard);
    let id = accepted.deliveries[0].id;
    store.accept(vec![accepted], Vec::new()).await.unwrap();
    let ready = fetch(&store, &lanes).await.ready;
    claim_all(&store, &lanes, &ready).await;
    settle_all(&store, &lanes, &ready, sent()).await;
    let receipt = Receipt::new(
        tenant("acme"),
        "test".parse().unwrap(),
        ReceiptTarget::Message(format!("message-{id}")),
        ReceiptKind::Opened,
        "r-1",
    );
    let effects = store.record_receipts(vec![receipt]).await.unwrap();
    assert_eq!(effects, [ReceiptEffect::Recorded]);
    run(format!(
        "UPDATE {schema}.receipt SET position = NULL, kind = 'delivered', rank = 3;
         UPDATE {schema}.meta SET swept_at = 0"
    ))
    .await;
    store.hold_lanes(renewal()).await.unwrap();
    let delivery = store.delivery(&tenant("acme"), id).await.unwrap().unwrap();
    assert_eq!(delivery.receipt, Some(ReceiptKind::Delivered));
}
