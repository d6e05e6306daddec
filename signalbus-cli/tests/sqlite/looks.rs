//! Commands that only look.

use crate::{common::signalbus, file};

#[tokio::test]
async fn explain_tells_the_story_and_the_same_as_json() {
    let file = file(1, 0, 0).await;
    let id = file.made[0].1.to_string();
    signalbus(&file.url(), &["explain", &id])
        .good()
        .has(&id)
        .has("attempt 1 at texts: permanent")
        .has("now dead (refused)");
    let json = signalbus(&file.url(), &["explain", &id, "--json"])
        .good()
        .json();
    assert_eq!(json["delivery"]["id"], id);
    assert_eq!(json["delivery"]["reason"], "refused");
    assert_eq!(json["history"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_said_and_is_exit_code_1() {
    let file = file(0, 0, 1).await;
    let other = "01a22814-d3fe-7001-8e24-ae36fd539977";
    for command in ["explain", "event"] {
        let said = signalbus(&file.url(), &[command, other]);
        assert_eq!(said.code, 1);
        assert!(said.err.contains("tenant default has no"), "{said:?}");
    }
    let id = file.made[0].1.to_string();
    let said = signalbus(
        &file.url(),
        &["explain", &id, "--tenant", "other", "--json"],
    );
    assert_eq!(
        said.code, 1,
        "the tenant of another must not see it: {said:?}"
    );
    assert!(said.out.is_empty());
    let error: serde_json::Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!(error["error"]["kind"], "not_found");
}

#[tokio::test]
async fn an_event_is_shown_with_its_deliveries() {
    let file = file(0, 1, 0).await;
    let (event, delivery) = (file.made[0].0.to_string(), file.made[0].1.to_string());
    signalbus(&file.url(), &["event", &event])
        .good()
        .has("auth.code")
        .has(&delivery)
        .has("accepted");
    let json = signalbus(&file.url(), &["event", &event, "--json"])
        .good()
        .json();
    assert_eq!(json["deliveries"][0]["id"], delivery);
    assert!(json.get("content").is_none());
}

#[tokio::test]
async fn a_list_has_filters_and_pages() {
    let file = file(3, 2, 1).await;
    let url = file.url();
    let ids = |arguments: &[&str]| {
        let json = signalbus(&url, &[&["list", "--json"], arguments].concat())
            .good()
            .json();
        let ids = json["deliveries"].as_array().unwrap().iter();
        let ids: Vec<_> = ids.map(|d| d["id"].as_str().unwrap().to_owned()).collect();
        (ids, json["next"].as_i64())
    };
    assert_eq!(ids(&[]).0.len(), 6);
    assert_eq!(ids(&["--state", "dead"]).0.len(), 3);
    assert_eq!(ids(&["--state", "accepted"]).0.len(), 2);
    assert_eq!(ids(&["--state", "waiting"]).0.len(), 1);
    assert_eq!(ids(&["--reason", "refused"]).0.len(), 3);
    assert_eq!(ids(&["--channel", "email"]).0.len(), 0);
    assert_eq!(ids(&["--tenant", "other"]).0.len(), 0);
    assert_eq!(ids(&["--topic", "auth.code"]).0.len(), 6);
    assert_eq!(ids(&["--since", "1h"]).0.len(), 6);
    assert_eq!(ids(&["--before", "1h"]).0.len(), 0);
    assert_eq!(ids(&["--event", &file.made[0].0.to_string()]).0.len(), 1);

    // Pages put together are the whole.
    let mut all = Vec::new();
    let mut after = None;
    loop {
        let after_text = after.map(|after: i64| after.to_string());
        let mut arguments = vec!["--limit", "4"];
        if let Some(after) = &after_text {
            arguments.extend(["--after", after]);
        }
        let (page, next) = ids(&arguments);
        all.extend(page);
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    assert_eq!(all, ids(&[]).0);

    signalbus(&url, &["list"])
        .good()
        .has(&file.made[0].1.to_string());
    signalbus(&url, &["list", "--limit", "2"])
        .good()
        .has("more: --after");
    let dead = signalbus(&url, &["dead-letters"]).good().has("refused");
    assert!(!dead.out.contains(&file.made[3].1.to_string()));
}

#[tokio::test]
async fn a_tally_counts_by_state_and_reason() {
    let file = file(3, 2, 1).await;
    signalbus(&file.url(), &["tally"]).good().has("total 6");
    let json = signalbus(&file.url(), &["tally", "--state", "dead", "--json"])
        .good()
        .json();
    assert_eq!(json["total"], 3);
    assert_eq!(json["tallies"][0]["reason"], "refused");
    assert_eq!(json["tallies"][0]["tenant"], "default");
}

#[tokio::test]
async fn a_file_may_be_looked_at_while_its_application_runs() {
    let file = file(1, 0, 0).await;
    let owner = file.open().await;
    let url = file.url();
    signalbus(&url, &["list"]).good();
    signalbus(&url, &["explain", &file.made[0].1.to_string()]).good();
    signalbus(&url, &["health"]).good();
    let change = ["redrive", "--state", "dead", "--yes", "--actor", "ada"];
    let said = signalbus(&url, &change);
    assert_eq!(said.code, 3);
    assert!(said.err.contains("is open already"), "{said:?}");
    owner.close().await;
    drop(owner);
    signalbus(&url, &change).good();
}

#[tokio::test]
async fn health_is_an_exit_code() {
    let waiting = file(0, 0, 1).await;
    signalbus(&waiting.url(), &["health"])
        .good()
        .has("healthy: 1 waiting");
    publish_long_ago(&waiting).await;
    let said = signalbus(&waiting.url(), &["health", "--max-age", "1m", "--json"]);
    assert_eq!(said.code, 1, "{said:?}");
    assert_eq!(said.json()["healthy"], false);
    assert!(said.json()["oldest_due_seconds"].as_u64().unwrap() >= 600);

    let dead = file(2, 0, 0).await;
    signalbus(&dead.url(), &["health"]).good();
    signalbus(&dead.url(), &["health", "--max-dead", "2"]).good();
    let said = signalbus(&dead.url(), &["health", "--max-dead", "1"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("2 deliveries are dead"), "{said:?}");

    let said = signalbus("sqlite:/nowhere/at/all.db", &["health"]);
    assert_eq!(said.code, 3);
}

/// Publishes by a clock that is ten minutes slow, as if it had waited so long.
async fn publish_long_ago(file: &crate::File) {
    use signalbus::{Clock, SystemClock, sqlite::SqliteStore};
    use signalbus_testkit::clock::ManualClock;
    let past = SystemClock::new().now() - jiff::SignedDuration::from_mins(10);
    let clock = std::sync::Arc::new(ManualClock::new(past));
    let store = SqliteStore::builder(&file.path)
        .clock(clock)
        .open()
        .await
        .unwrap();
    let (engine, _) = crate::common::application(std::sync::Arc::new(store.clone()));
    engine
        .publish(crate::common::event("long ago"))
        .await
        .unwrap();
    store.close().await;
}
