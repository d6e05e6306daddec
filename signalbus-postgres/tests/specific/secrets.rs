//! Secrets, where several transactions end what is open.

use std::sync::Arc;

use signalbus::{
    DeliveryId,
    event::Class,
    store::{Flush, Store},
};
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    server,
    support::{claim_all, event, fetch, hold, ids, sent, settle},
};

/// Two flushes, each of which ends one of the last two deliveries. Both have begun, and see the
/// other's as open, before either has committed: a lock on the row of the secret holds both up.
#[tokio::test]
async fn of_two_who_end_the_last_at_once_one_forgets_the_secret() {
    let schema = server::schema();
    let store = Arc::new(server::builder(&schema).open().await.unwrap());
    let ids = ids();
    let mut both = event(&ids, "acme", Class::Standard);
    both.secret = Some(b"code".to_vec().into());
    let mut second = both.deliveries[0].clone();
    second.id = ids.delivery();
    second.order_key += 1;
    both.deliveries.push(second);
    let of_both: Vec<DeliveryId> = both.deliveries.iter().map(|one| one.id).collect();
    store.accept(vec![both], Vec::new()).await.unwrap();
    let lanes = hold(&*store, &ids).await;
    let ready = fetch(&*store, &lanes).await.ready;
    assert_eq!(ready.len(), of_both.len());
    assert_eq!(claim_all(&*store, &lanes, &ready).await, 2);

    let mut host = PgConnection::connect(&server::url()).await.unwrap();
    let mut lock = host.begin().await.unwrap();
    let all = format!("SELECT open FROM {schema}.secret FOR UPDATE");
    let open: i64 = sqlx::query_scalar(AssertSqlSafe(all))
        .fetch_one(&mut *lock)
        .await
        .unwrap();
    assert_eq!(open, 2);
    let flushes: Vec<_> = ready
        .into_iter()
        .map(|ready| {
            let (store, lanes) = (Arc::clone(&store), lanes.clone());
            tokio::spawn(async move {
                let flush = Flush {
                    claims: Vec::new(),
                    settles: vec![settle(&ready, sent())],
                };
                store.flush(&lanes, &flush).await.unwrap()
            })
        })
        .collect();
    let mut watcher = PgConnection::connect(&server::url()).await.unwrap();
    let waiting = format!(
        "SELECT count(*) FROM pg_stat_activity
         WHERE wait_event_type = 'Lock' AND query LIKE '%{schema}%' AND pid <> pg_backend_pid()"
    );
    loop {
        let blocked: i64 = sqlx::query_scalar(AssertSqlSafe(waiting.clone()))
            .fetch_one(&mut watcher)
            .await
            .unwrap();
        if blocked == 2 {
            break;
        }
        tokio::task::yield_now().await;
    }
    lock.rollback().await.unwrap();
    for flush in flushes {
        flush.await.unwrap();
    }
    let left = format!("SELECT count(*) FROM {schema}.secret WHERE body IS NOT NULL OR open <> 0");
    let left: i64 = sqlx::query_scalar(AssertSqlSafe(left))
        .fetch_one(&mut host)
        .await
        .unwrap();
    assert_eq!(left, 0);
}
