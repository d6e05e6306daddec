//! A restored dump starts paused, and what was open in it counts as possibly sent.

use std::process::Command;

use signalbus::{
    Event, Signalbus,
    event::Class,
    store::{Paused, State, Store, Tally},
};
use signalbus_postgres::PostgresStore;
use signalbus_servers::Postgres;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::{
    engine::{Counter, engine, message},
    server,
    support::{event, hold, ids, schema_of, sendable, store, store_like},
};

async fn run(sql: String) {
    let mut connection = PgConnection::connect(&server::url()).await.unwrap();
    let ran = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection);
    ran.await.unwrap();
}

fn tool(name: &str, words: &[&str]) {
    let mut command = Command::new(Postgres::tool(name).unwrap());
    let done = command.args(words).output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{name}: {said}");
}

/// The store in a database of its own, made from a dump of another.
async fn restored(store: &PostgresStore) -> PostgresStore {
    let (schema, folder) = (schema_of(store), tempfile::tempdir().unwrap());
    let dump = folder.path().join("dump");
    let (url, dump) = (server::url(), dump.to_str().unwrap());
    tool("pg_dump", &["-Fc", "-n", &schema, "-f", dump, &url]);
    run(format!("CREATE DATABASE \"copy_of_{schema}\"")).await;
    let there = url_of_copy(store);
    tool("pg_restore", &["-e", "-d", &there, dump]);
    let builder = PostgresStore::from_url(&there).unwrap();
    builder.schema(schema).open().await.unwrap()
}

fn url_of_copy(store: &PostgresStore) -> String {
    let url = server::url();
    let (server, _) = url.rsplit_once('/').unwrap();
    format!("{server}/copy_of_{}", schema_of(store))
}

async fn tally(store: &PostgresStore, state: State) -> u64 {
    let tallies: Vec<Tally> = store.tally(&Default::default()).await.unwrap();
    let of_state = tallies.iter().filter(|tally| tally.state == state);
    of_state.map(|tally| tally.count).sum()
}

async fn publish(signalbus: &Signalbus, event: Event) {
    signalbus.publish(event).await.unwrap();
}

#[tokio::test]
async fn a_restored_dump_starts_paused_and_its_open_work_is_possibly_sent() {
    let (original, counter) = (store().await, Counter::default());
    let signalbus = engine(original.clone(), &counter, Default::default());
    for to in ["ada", "bob"] {
        publish(&signalbus, message(to)).await;
    }
    let later = "2200-01-01T00:00:00Z".parse().unwrap();
    publish(&signalbus, message("later").send_at(later)).await;

    let copy = restored(&original).await;
    let pauses = copy.pauses().await.unwrap();
    assert_eq!(pauses.len(), 1);
    assert_eq!(pauses[0].what, Paused::everything());
    assert!(
        pauses[0].reason.contains("restored"),
        "{}",
        pauses[0].reason
    );
    assert_eq!(tally(&copy, State::Sending).await, 2, "possibly sent");
    assert_eq!(tally(&copy, State::Waiting).await, 1, "it was not due yet");

    // Nothing is sent while it is paused, whatever is published.
    let sent = Counter::default();
    let there = engine(copy.clone(), &sent, Default::default());
    publish(&there, message("new")).await;
    there.start();
    there.idle().await;
    assert!(sent.requests().is_empty());
    assert_eq!(tally(&copy, State::Held).await, 3);

    // Whoever resumes it has what was open tried again, as after a crash.
    copy.resume(&Paused::everything()).await.unwrap();
    copy.release(100).await.unwrap();
    there.idle().await;
    there.shutdown().await;
    let addresses: Vec<String> = sent.requests().into_keys().collect();
    assert_eq!(addresses, ["ada", "bob", "new"]);

    // It is at home now.
    let again = PostgresStore::from_url(&url_of_copy(&original)).unwrap();
    let again = again.schema(schema_of(&original)).open().await.unwrap();
    assert!(
        again.pauses().await.unwrap().is_empty(),
        "it is treated once"
    );
    assert!(original.pauses().await.unwrap().is_empty());
    assert!(
        store_like(&original)
            .await
            .pauses()
            .await
            .unwrap()
            .is_empty()
    );
}

/// What moves no row to another place is no restore.
#[tokio::test]
async fn a_table_that_was_rewritten_is_at_home() {
    let (store, ids) = (store().await, ids());
    let event = event(&ids, "acme", Class::Standard);
    store.accept(vec![event], Vec::new()).await.unwrap();
    let schema = schema_of(&store);
    for sql in ["VACUUM (FREEZE)", "VACUUM FULL"] {
        run(format!("{sql} \"{schema}\".installation")).await;
        let again = store_like(&store).await;
        assert!(again.pauses().await.unwrap().is_empty(), "{sql}");
    }
    let lanes = hold(&store, &ids).await;
    assert_eq!(sendable(&store, &lanes).await.len(), 1);
}

/// What cannot be found out is said.
#[tokio::test]
async fn a_backup_of_the_disk_is_said_to_be_restored() {
    let (store, ids) = (store().await, ids());
    for _ in 0..3 {
        let event = event(&ids, "acme", Class::Standard);
        store.accept(vec![event], Vec::new()).await.unwrap();
    }
    let restored = store.restored().await.unwrap();
    assert_eq!((restored.possibly_sent, restored.paused), (3, true));
    assert_eq!(tally(&store, State::Sending).await, 3);
    let restored = store.restored().await.unwrap();
    assert_eq!((restored.possibly_sent, restored.paused), (0, false));
}
