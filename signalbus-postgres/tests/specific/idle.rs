//! What a process costs that has nothing to do.

use std::time::Duration;

use signalbus::EngineOptions;
use signalbus_postgres::PostgresStore;
use signalbus_servers::{Durability, Postgres};

use crate::engine::{Counter, engine, message};

/// Counted in the log of the server, which has every statement.
fn statements(server: &Postgres) -> usize {
    let log = std::fs::read_to_string(server.log()).unwrap();
    let is_statement =
        |line: &&str| line.contains("LOG:  execute ") || line.contains("LOG:  statement: ");
    log.lines().filter(is_statement).count()
}

#[tokio::test]
async fn an_idle_process_runs_fewer_than_five_statements_a_second() {
    let server = Postgres::start(Durability::NoFsync, &["log_statement=all"]).unwrap();
    let store = PostgresStore::open(&server.url()).await.unwrap();
    let counter = Counter::default();
    let signalbus = engine(store.clone(), &counter, EngineOptions::default());
    let _listening = store.listen(signalbus.wake()).await.unwrap();
    signalbus.start();
    signalbus.publish(message("ada")).await.unwrap();
    signalbus.idle().await;
    let before = statements(&server);
    let seconds = 12;
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let ran = statements(&server) - before;
    let most = usize::try_from(seconds).unwrap() * 5;
    assert!(ran > 0 && ran < most, "{ran} statements in {seconds} s");
    signalbus.shutdown().await;
}
