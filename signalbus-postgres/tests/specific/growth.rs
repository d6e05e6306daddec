//! Tables that grow faster than the server looks at them: what a call reads depends on what it is for,
//! and not on what lies beside.

use signalbus::{
    event::Class,
    id::IdSource,
    store::{LaneLease, Store},
};
use signalbus_postgres::{
    PostgresStore,
    sqlx::{self, Connection, PgConnection},
};
use signalbus_servers::{Durability, Postgres};

use crate::support::{claim_all, event, hold, ids, keyed, sent, settle_all, window};

/// Rows and entries of indexes that all sessions have read so far.
async fn read(server: &Postgres) -> i64 {
    let mut connection = PgConnection::connect(&server.url()).await.unwrap();
    let all = "SELECT (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE schemaname = 'signalbus')::bigint
                    + (SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE schemaname = 'signalbus')::bigint";
    sqlx::query_scalar(all)
        .fetch_one(&mut connection)
        .await
        .unwrap()
}

/// Publishes, claims and settles so many, each in one call.
async fn deliver(store: &PostgresStore, ids: &IdSource, lanes: &[LaneLease], count: usize) {
    let keys = (0..count).map(|_| ids.event().to_string());
    let event = |key: String| keyed(event(ids, "acme", Class::Standard), &key);
    let events = keys.map(event).collect();
    store.accept(events, Vec::new()).await.unwrap();
    let ready = store
        .fetch(lanes, window(1_000, 1_000))
        .await
        .unwrap()
        .ready;
    assert_eq!(ready.len(), count);
    assert_eq!(claim_all(store, lanes, &ready).await, count);
    settle_all(store, lanes, &ready, sent()).await;
}

#[tokio::test]
async fn a_plan_made_on_empty_tables_still_serves_when_they_have_grown() {
    // Without statistics, for ever.
    let server = Postgres::start(Durability::NoFsync, &["autovacuum=off"]).unwrap();
    let store = PostgresStore::open(&server.url()).await.unwrap();
    // The server settles on a plan at the sixth call.
    let ids = ids();
    let lanes = hold(&store, &ids).await;
    for _ in 0..8 {
        deliver(&store, &ids, &lanes, 1).await;
    }
    for _ in 0..10 {
        deliver(&store, &ids, &lanes, 500).await;
    }
    // A session says what it has read when it ends.
    store.close().await;
    let delivered = 10 * 500 + 8;
    let read = read(&server).await / delivered;
    assert!(read < 40, "{read} rows were read for each delivery");
}
