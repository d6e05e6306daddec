//! Futures that are dropped half-way do no harm.

use std::{
    future::Future,
    pin::pin,
    task::{Context, Waker},
    time::Duration,
};

use signalbus::{
    event::Class,
    store::{Retention, Store},
};
use sqlx::{Connection, PgConnection};

use crate::{
    server,
    support::{count, event, fetch, hold, ids},
};

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

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_accept_is_done_whole() {
    let (store, ids) = (crate::support::store().await, ids());
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

/// The hazard of `begin()`: whoever drops it half-way would leave an open transaction to the next
/// borrower of the connection, and what that one writes would be rolled back with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_call_leaves_no_transaction_to_the_next() {
    let schema = server::schema();
    let name = format!("dropped-{schema}");
    let url = format!("{}?application_name={name}", server::url());
    let builder = signalbus_postgres::PostgresStore::from_url(&url).unwrap();
    let store = builder.schema(schema).connections(1).open().await.unwrap();
    let ids = ids();
    let lanes = hold(&store, &ids).await;
    let for_ever = Retention::new(Duration::MAX);
    for polls in 0..60 {
        drop_after(polls, store.purge(&for_ever)).await;
        drop_after(polls, store.suppress(Vec::new())).await;
        drop_after(polls, store.fetch(&lanes, crate::support::window(10, 10))).await;
        let accepted = store.accept(vec![event(&ids, "acme", Class::Standard)], Vec::new());
        accepted.await.unwrap();
    }
    // On a connection of its own: what was accepted is committed.
    assert_eq!(count(&store).await, 60);
    assert_eq!(fetch(&store, &lanes).await.ready.len(), 60);
    let mut other = PgConnection::connect(&server::url()).await.unwrap();
    let open = || {
        sqlx::query_scalar::<_, i64>(
            "SELECT count(*) FROM pg_stat_activity
             WHERE application_name = $1 AND state LIKE 'idle in transaction%'",
        )
        .bind(name.clone())
    };
    for _ in 0..200 {
        if open().fetch_one(&mut other).await.unwrap() == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("a transaction stays open");
}
