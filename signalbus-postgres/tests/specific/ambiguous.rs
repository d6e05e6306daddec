//! Commits of which nobody knows whether they happened, on demand: a standby that does not exist
//! makes every commit hang (promises P1, P3 and P7).

use std::time::{Duration, Instant};

use signalbus::{
    event::Class,
    store::{Acceptance, Store, StoreErrorKind},
};
use signalbus_postgres::PostgresStore;
use signalbus_servers::{Durability, Postgres};
use sqlx::{Connection, PgConnection};

use crate::support::{claim_all, count, event, fetch, hold, ids, keyed, sent, settle_all};

struct Ghost {
    server: Postgres,
    operator: PgConnection,
}

impl Ghost {
    async fn start() -> (Self, PostgresStore) {
        let server = Postgres::start(Durability::NoFsync, &[]).unwrap();
        let operator = PgConnection::connect(&server.url()).await.unwrap();
        let store = PostgresStore::from_url(&server.url()).unwrap();
        let store = store.deadline(Duration::from_millis(500)).open().await;
        (Self { server, operator }, store.unwrap())
    }

    async fn run(&mut self, sql: &'static str) {
        sqlx::raw_sql(sql)
            .execute(&mut self.operator)
            .await
            .unwrap();
    }

    async fn set(&mut self, standby: &'static str) {
        self.run("SET synchronous_commit = local").await;
        self.run(standby).await;
        self.run("SELECT pg_reload_conf()").await;
        // The server reads it when it likes.
        tokio::time::sleep(Duration::from_millis(200)).await;
    }

    /// From now on no commit is answered.
    async fn hang(&mut self) {
        self.set("ALTER SYSTEM SET synchronous_standby_names = 'ghost'")
            .await;
    }

    async fn heal(&mut self) {
        self.set("ALTER SYSTEM RESET synchronous_standby_names")
            .await;
    }
}

#[tokio::test]
async fn an_accept_whose_commit_hangs_is_ambiguous_and_is_there_once() {
    let (mut ghost, store) = Ghost::start().await;
    let ids = ids();
    let event = keyed(event(&ids, "acme", Class::Standard), "order-1");
    ghost.hang().await;
    let asked = Instant::now();
    let error = store
        .accept(vec![event.clone()], Vec::new())
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Ambiguous, "{error}");
    assert!(asked.elapsed() < Duration::from_secs(5));
    ghost.heal().await;
    let answers = store.accept(vec![event], Vec::new()).await.unwrap();
    assert!(
        matches!(answers[..], [Acceptance::Accepted]),
        "the same call again"
    );
    let again = keyed(
        crate::support::event(&ids, "acme", Class::Standard),
        "order-1",
    );
    let answers = store.accept(vec![again], Vec::new()).await.unwrap();
    assert!(matches!(answers[..], [Acceptance::Duplicate(_)]));
    assert_eq!(count(&store).await, 1);
}

/// The client is told an error, and the row is committed: the store asks again by itself, and
/// finds it there.
#[tokio::test]
async fn a_session_that_is_ended_in_a_commit_does_not_store_twice() {
    let (mut ghost, store) = Ghost::start().await;
    let ids = ids();
    let event = event(&ids, "acme", Class::Standard);
    ghost.hang().await;
    let call = tokio::spawn({
        let (store, event) = (store.clone(), event.clone());
        async move { store.accept(vec![event], Vec::new()).await }
    });
    tokio::time::sleep(Duration::from_millis(150)).await;
    ghost
        .run(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE wait_event = 'SyncRep'",
        )
        .await;
    match call.await.unwrap() {
        Ok(answers) => assert!(matches!(answers[..], [Acceptance::Accepted])),
        Err(error) => assert_eq!(error.kind(), StoreErrorKind::Ambiguous, "{error}"),
    }
    ghost.heal().await;
    assert_eq!(count(&store).await, 1, "it was committed");
    store.accept(vec![event], Vec::new()).await.unwrap();
    assert_eq!(count(&store).await, 1);
}

/// A claim and a result whose commits hang are repeated, and are there once.
#[tokio::test]
async fn a_flush_whose_commit_hangs_may_be_repeated() {
    let (mut ghost, store) = Ghost::start().await;
    let ids = ids();
    store
        .accept(vec![event(&ids, "acme", Class::Standard)], Vec::new())
        .await
        .unwrap();
    let lanes = hold(&store, &ids).await;
    let ready = fetch(&store, &lanes).await.ready;
    for settling in [false, true] {
        let flush = signalbus::store::Flush {
            claims: if settling {
                Vec::new()
            } else {
                vec![crate::support::claim(&ready[0])]
            },
            settles: if settling {
                vec![crate::support::settle(&ready[0], sent())]
            } else {
                Vec::new()
            },
        };
        ghost.hang().await;
        let error = store.flush(&lanes, &flush).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Ambiguous, "{error}");
        ghost.heal().await;
        if settling {
            let answers = settle_all(&store, &lanes, &ready, sent()).await;
            assert_eq!(answers, [signalbus::store::SettleAnswer::Already]);
        } else {
            assert_eq!(claim_all(&store, &lanes, &ready).await, 1);
        }
    }
    let history = store
        .history(&crate::support::tenant("acme"), ready[0].id)
        .await
        .unwrap();
    assert_eq!(history.len(), 1);
    drop(ghost.server);
}
