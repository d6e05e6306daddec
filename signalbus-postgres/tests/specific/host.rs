//! The host publishes in its own transactions, beside those of others.

use signalbus::{
    event::Class,
    store::{Acceptance, Store, StoreErrorKind},
};
use sqlx::{Connection, PgConnection};

use crate::{
    engine::{Counter, engine, message},
    server,
    support::{count, event, hold, ids, keyed, sendable, store},
};

async fn host() -> PgConnection {
    PgConnection::connect(&server::url()).await.unwrap()
}

#[tokio::test]
async fn a_batch_is_published_in_the_transaction_of_the_host() {
    let (store, counter) = (store().await, Counter::default());
    let signalbus = engine(store.clone(), &counter, Default::default());
    let mut host = host().await;

    let mut tx = host.begin().await.unwrap();
    let batch = vec![message("ada"), message("bob")];
    let (answers, wake) = store
        .publish_all_in(&signalbus, &mut tx, batch)
        .await
        .unwrap();
    assert!(answers.iter().all(Result::is_ok));
    assert_eq!(count(&store).await, 0, "it is not committed");
    wake.after(tx.commit()).await.unwrap();
    assert_eq!(count(&store).await, 2);

    let mut tx = host.begin().await.unwrap();
    let (published, _) = store
        .publish_in(&signalbus, &mut tx, message("never"))
        .await
        .unwrap();
    assert_eq!(published.verdict, signalbus::Verdict::Accepted);
    tx.rollback().await.unwrap();

    signalbus.start();
    signalbus.idle().await;
    signalbus.shutdown().await;
    let sent: Vec<String> = counter.requests().into_keys().collect();
    assert_eq!(sent, ["ada", "bob"]);
}

#[tokio::test]
async fn a_connection_without_a_transaction_publishes_at_once() {
    let (store, ids) = (store().await, ids());
    let mut host = host().await;
    let event = keyed(event(&ids, "acme", Class::Standard), "order-1");
    for expected in [true, true] {
        let answers = store.accept_in(&mut host, vec![event.clone()]).await;
        assert_eq!(
            matches!(answers.unwrap()[..], [Acceptance::Accepted]),
            expected
        );
    }
    let lanes = hold(&store, &ids).await;
    assert_eq!(sendable(&store, &lanes).await.len(), 1);
}

/// What the host can do about it is to begin again: so it is told, and nothing is tried behind its
/// back.
#[tokio::test]
async fn a_serialization_failure_is_the_hosts_to_repeat() {
    let (store, ids) = (store().await, ids());
    let keyed = || keyed(event(&ids, "acme", Class::Standard), "order-1");
    let (mut one, mut two) = (host().await, host().await);
    let begin = "BEGIN ISOLATION LEVEL SERIALIZABLE";
    let mut first = one.begin_with(begin).await.unwrap();
    let mut second = two.begin_with(begin).await.unwrap();
    // Both have their snapshot before either has published.
    for tx in [&mut first, &mut second] {
        sqlx::query("SELECT 1").execute(&mut **tx).await.unwrap();
    }
    store.accept_in(&mut first, vec![keyed()]).await.unwrap();
    first.commit().await.unwrap();
    let error = store
        .accept_in(&mut second, vec![keyed()])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    second.rollback().await.unwrap();
    let mut again = two.begin_with(begin).await.unwrap();
    let answers = store.accept_in(&mut again, vec![keyed()]).await.unwrap();
    assert!(matches!(answers[..], [Acceptance::Duplicate(_)]));
    again.commit().await.unwrap();
    assert_eq!(count(&store).await, 1);
}

/// Two hosts that publish the same keys in opposite order meet in a deadlock: Postgres ends one,
/// and the other goes on.
#[tokio::test]
async fn of_two_hosts_in_a_deadlock_one_goes_on() {
    let (store, ids) = (store().await, ids());
    let keyed = |key| keyed(event(&ids, "acme", Class::Standard), key);
    let (mut one, mut two) = (host().await, host().await);
    let mut first = one.begin().await.unwrap();
    let mut second = two.begin().await.unwrap();
    store.accept_in(&mut first, vec![keyed("a")]).await.unwrap();
    store
        .accept_in(&mut second, vec![keyed("b")])
        .await
        .unwrap();
    // Whoever is ended has to roll back before the other can go on.
    let crosses = async |mut tx: sqlx::Transaction<'_, sqlx::Postgres>, key| match store
        .accept_in(&mut tx, vec![keyed(key)])
        .await
    {
        Ok(_) => tx.commit().await.map(|()| true).unwrap(),
        Err(error) => {
            assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
            tx.rollback().await.map(|()| false).unwrap()
        }
    };
    let (first, second) = tokio::join!(crosses(first, "b"), crosses(second, "a"));
    assert!(first ^ second, "one of them goes on");
    assert_eq!(count(&store).await, 2);
}

/// Keys of a batch are written in one order, whatever the order of events: no deadlock.
#[tokio::test]
async fn batches_with_the_same_keys_never_wait_for_each_other() {
    let (store, ids) = (store().await, ids());
    let other = crate::support::store_like(&store).await;
    for round in 0..30 {
        let keys: Vec<String> = (0..20).map(|key| format!("{round}-{key}")).collect();
        let batch = |keys: &mut dyn Iterator<Item = &String>| {
            keys.map(|key| keyed(event(&ids, "acme", Class::Standard), key))
                .collect::<Vec<_>>()
        };
        let (one, two) = tokio::join!(
            store.accept(batch(&mut keys.iter()), Vec::new()),
            other.accept(batch(&mut keys.iter().rev()), Vec::new())
        );
        let new = |answers: Vec<Acceptance>| {
            let new = answers.iter().filter(|a| matches!(a, Acceptance::Accepted));
            new.count()
        };
        assert_eq!(new(one.unwrap()) + new(two.unwrap()), 20);
    }
    assert_eq!(count(&store).await, 600);
}
