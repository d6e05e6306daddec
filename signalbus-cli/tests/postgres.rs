//! The real program on a real Postgres.

#![cfg(test)]

mod common;

use std::sync::Arc;

use signalbus::{Store, postgres::PostgresStore};

use crate::common::signalbus;

/// A schema of its own on the shared server.
fn url() -> String {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = signalbus_servers::url(signalbus_servers::POSTGRES_URL).unwrap();
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let schema = format!("cli_{}_{number}", std::process::id());
    let joint = if server.contains('?') { '&' } else { '?' };
    format!("{server}{joint}schema={schema}")
}

#[tokio::test]
async fn an_installation_is_made_looked_at_and_changed() {
    let url = url();
    let said = signalbus(&url, &["list"]);
    assert_eq!(said.code, 3, "{said:?}");
    signalbus(&url, &["doctor"]).has("problem: schema: there are no tables");
    signalbus(&url, &["migrate"])
        .good()
        .has("would make version 7");
    assert_eq!(signalbus(&url, &["list"]).code, 3, "a dry run made tables");
    signalbus(&url, &["migrate", "--yes", "--actor", "deploy"])
        .good()
        .has("made version 7");

    let store: Arc<dyn Store> = Arc::new(PostgresStore::open(&url).await.unwrap());
    let made = common::fill(store, 3, 2, 1).await;
    signalbus(&url, &["doctor"])
        .good()
        .has("good: schema: version 7")
        .has("ms from the clock of the database");
    let skewed = signalbus(&url, &["doctor", "--max-skew", "0s", "--json"]);
    let about = |finding: &&serde_json::Value| finding["about"] == "clock";
    assert!(
        skewed.json()["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| about(&f))
    );
    signalbus(&url, &["tally"]).good().has("total 6");
    signalbus(&url, &["dead-letters"])
        .good()
        .has(&made[0].1.to_string());
    signalbus(&url, &["explain", &made[0].1.to_string()])
        .good()
        .has("now dead (refused)");
    signalbus(&url, &["event", &made[3].0.to_string()])
        .good()
        .has("accepted");
    signalbus(&url, &["health"])
        .good()
        .has("healthy: 1 waiting, 3 dead");
    signalbus(&url, &["redrive", "--state", "dead"])
        .good()
        .has("3 would be redriven");
    signalbus(&url, &["tally", "--state", "dead"])
        .good()
        .has("total 3");
    signalbus(
        &url,
        &["redrive", "--state", "dead", "--yes", "--actor", "ada"],
    )
    .good()
    .has("3 redriven");
    let waiting = made[5].1.to_string();
    signalbus(
        &url,
        &["cancel", "delivery", &waiting, "--yes", "--actor", "ada"],
    )
    .good()
    .has("cancelled");
    signalbus(&url, &["explain", &waiting])
        .good()
        .has("cancelled by ada");
    let list = [
        "suppressions",
        "add",
        "ada@example.org",
        "--channel",
        "email",
        "--yes",
        "--actor",
        "ada",
    ];
    signalbus(&url, &list).good().has("is on the email list");
    let lookup = [
        "suppressions",
        "lookup",
        "Ada@example.org",
        "--channel",
        "email",
    ];
    assert_eq!(signalbus(&url, &lookup).code, 1);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_exit_code_3_without_its_password() {
    let url = "postgres://app:hunter2@127.0.0.1:1/app?deadline_ms=1000";
    for command in ["health", "list", "migrate"] {
        let said = signalbus(url, &[command]);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(!format!("{said:?}").contains("hunter2"), "{said:?}");
    }
}

#[tokio::test]
async fn what_was_restored_from_a_backup_is_said_and_starts_paused() {
    let url = url();
    let store: Arc<dyn Store> = Arc::new(PostgresStore::open(&url).await.unwrap());
    common::fill(store, 0, 0, 2).await;
    signalbus(&url, &["restored"])
        .good()
        .has("would pause everything");
    let pauses = signalbus(&url, &["pauses", "list"]).good();
    assert!(!pauses.out.contains("restored"), "{pauses:?}");
    signalbus(&url, &["restored", "--yes", "--actor", "ada"])
        .good()
        .has("2 deliveries count as possibly sent");
    signalbus(&url, &["doctor"])
        .good()
        .has("warning: pause: everything is held back")
        .has("restored copy");
    signalbus(&url, &["pauses", "end", "--yes", "--actor", "ada"]).good();
    let doctor = signalbus(&url, &["doctor"]).good();
    assert!(!doctor.out.contains("held back"), "{doctor:?}");
}
