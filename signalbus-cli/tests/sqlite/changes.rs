//! Commands that change something: only with `--yes`, and by somebody.

use signalbus::{
    Store, TenantId,
    store::{DeliveryFilter, Entry, State},
};

use crate::{
    common::{CANARY, signalbus, signalbus_with},
    file,
};

#[tokio::test]
async fn a_redrive_is_a_dry_run_unless_it_is_agreed_to() {
    let file = file(3, 1, 0).await;
    let url = file.url();
    for more in [&[][..], &["--dry-run"], &["--actor", "ada"]] {
        let arguments = [&["redrive", "--state", "dead"], more].concat();
        signalbus(&url, &arguments)
            .good()
            .has("dry run, nothing is changed")
            .has(&file.path.display().to_string())
            .has("3 would be redriven");
    }
    signalbus(&url, &["tally", "--state", "dead"])
        .good()
        .has("total 3");

    let said = signalbus(&url, &["redrive", "--state", "dead", "--yes"]);
    assert_eq!(said.code, 2, "nobody asked: {said:?}");
    assert!(said.err.contains("--actor"));
    let both = [
        "redrive",
        "--state",
        "dead",
        "--yes",
        "--dry-run",
        "--actor",
        "ada",
    ];
    assert_eq!(signalbus(&url, &both).code, 2);
    signalbus(&url, &["tally", "--state", "dead"])
        .good()
        .has("total 3");

    let agreed = [
        "redrive", "--state", "dead", "--yes", "--actor", "ada", "--json",
    ];
    let json = signalbus(&url, &agreed).good().json();
    assert_eq!(json["redriven"].as_array().unwrap().len(), 3);
    assert_eq!(json["actor"], "ada");
    signalbus(&url, &["tally", "--state", "waiting"])
        .good()
        .has("total 3");
    let store = file.open().await;
    let history = store
        .history(&TenantId::default(), file.made[0].1)
        .await
        .unwrap();
    assert!(
        matches!(&history.last().unwrap().entry, Entry::Redriven { actor, .. } if actor == "ada")
    );
}

#[tokio::test]
async fn a_redrive_names_deliveries_or_a_state() {
    let file = file(2, 1, 0).await;
    let (url, first) = (file.url(), file.made[0].1.to_string());
    let said = signalbus(&url, &["redrive"]);
    assert_eq!(said.code, 2, "{said:?}");
    let said = signalbus(&url, &["redrive", "--channel", "sms"]);
    assert_eq!(said.code, 2, "a channel alone is everything: {said:?}");
    assert_eq!(signalbus(&url, &["redrive", "--state", "accepted"]).code, 2);

    let old = format!("{first}@7");
    signalbus(&url, &["redrive", &old])
        .good()
        .has("0 would be")
        .has("1 left as they are");
    let sent = file.made[2].1.to_string();
    signalbus(&url, &["redrive", &first, &sent, "--yes", "--actor", "ada"])
        .good()
        .has("1 redriven")
        .has("1 left as they are");
    signalbus(&url, &["tally", "--state", "dead"])
        .good()
        .has("total 1");
}

#[tokio::test]
async fn a_long_redrive_goes_in_batches_and_tells_how_far_it_is() {
    let file = file(1_101, 0, 0).await;
    let url = file.url();
    let agreed = [
        "redrive", "--state", "dead", "--limit", "1050", "--yes", "--actor", "ada",
    ];
    let said = signalbus(&url, &agreed)
        .good()
        .has("1050 redriven")
        .has("more match");
    assert!(said.err.contains("500 redriven so far"), "{said:?}");
    assert!(said.err.contains("1000 redriven so far"), "{said:?}");
    signalbus(&url, &agreed).good().has("51 redriven");
}

#[tokio::test]
async fn an_event_or_a_delivery_is_called_off() {
    let file = file(0, 1, 2).await;
    let url = file.url();
    let sent = file.made[0].0.to_string();
    let event = file.made[1].0.to_string();
    let delivery = file.made[2].1.to_string();
    let waiting =
        || signalbus(&url, &["tally", "--state", "waiting", "--json"]).json()["total"].clone();

    signalbus(&url, &["cancel", "event", &event])
        .good()
        .has("would be cancelled");
    assert_eq!(waiting(), 2);
    signalbus(
        &url,
        &["cancel", "event", &event, "--yes", "--actor", "ada"],
    )
    .good()
    .has("by ada")
    .has("cancelled");
    assert_eq!(waiting(), 1);
    let agreed = [
        "cancel", "delivery", &delivery, "--yes", "--actor", "ada", "--json",
    ];
    let json = signalbus(&url, &agreed).good().json();
    assert_eq!(json["deliveries"][0]["answer"], "cancelled");
    assert_eq!(waiting(), 0);
    signalbus(&url, &["cancel", "event", &sent, "--yes", "--actor", "ada"])
        .good()
        .has("had ended");
    let other = "01a22814-d3fe-7001-8e24-ae36fd539977";
    assert_eq!(signalbus(&url, &["cancel", "event", other]).code, 1);
    signalbus(&url, &["explain", &delivery])
        .good()
        .has("cancelled by ada");
}

#[tokio::test]
async fn an_address_is_looked_up_put_on_the_list_and_taken_off() {
    let file = file(0, 0, 1).await;
    let url = file.url();
    let list = |words: &[&str], more: &[&str]| {
        let arguments = [
            &["suppressions"],
            words,
            &[CANARY, "--channel", "sms"],
            more,
        ]
        .concat();
        signalbus(&url, &arguments)
    };
    let agreed = ["--yes", "--actor", "ada"];
    list(&["lookup"], &[]).good().has("not suppressed");
    list(&["add"], &[])
        .good()
        .has("would be on the sms list of tenant default");
    list(&["lookup"], &[]).good();
    list(
        &["add"],
        &[&["--cause", "complained"][..], &agreed].concat(),
    )
    .good()
    .has("by ada");
    let said = list(&["lookup"], &[]);
    assert_eq!(said.code, 1);
    said.has("suppressed: complained");
    // Written another way, and not as an argument.
    let hidden = ["suppressions", "lookup", "-", "--channel", "sms", "--json"];
    let said = signalbus_with(&url, &hidden, "+44 7700 900123\n");
    assert_eq!(said.json()["suppressed"], true);
    list(&["lookup"], &["--tenant", "other"]).good();

    let said = list(
        &["remove"],
        &[&["--cause", "unsubscribed"][..], &agreed].concat(),
    );
    assert_eq!(said.code, 1);
    said.has("no such entry");
    list(&["remove"], &agreed).good().has("taken off");
    list(&["lookup"], &[]).good().has("not suppressed");

    list(&["add"], &[&["--all-tenants"][..], &agreed].concat()).good();
    list(&["lookup"], &["--tenant", "other"]).has("for all tenants");
}

#[tokio::test]
async fn tables_are_made_by_migrate_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.db");
    let url = format!("sqlite:{}", path.display());
    for command in [
        &["list"][..],
        &["health"],
        &["redrive", "--state", "dead", "--yes", "--actor", "a"],
    ] {
        let said = signalbus(&url, command);
        assert_eq!(said.code, 3, "{said:?}");
        assert!(!path.exists(), "{command:?} made a file");
    }
    signalbus(&url, &["migrate"])
        .good()
        .has("version found: none")
        .has("would make version 4");
    assert!(!path.exists());
    signalbus(&url, &["migrate", "--yes", "--actor", "deploy"])
        .good()
        .has("made version 4");
    let json = signalbus(&url, &["migrate", "--yes", "--actor", "deploy", "--json"])
        .good()
        .json();
    assert_eq!(json["before"]["found"], 4);
    assert_eq!(json["after"]["current"], true);
    signalbus(&url, &["list"]).good().has("no delivery matches");
    let store = signalbus::sqlite::SqliteStore::open(&path).await.unwrap();
    let filter = DeliveryFilter::new().state(State::Waiting);
    assert!(store.tally(&filter).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_pause_begins_is_told_and_ends() {
    let file = file(1, 0, 0).await;
    let url = file.url();
    let begin = [
        "pauses",
        "begin",
        "--topic",
        "user.signup",
        "--reason",
        "wrong prices",
    ];
    signalbus(&url, &begin)
        .good()
        .has("would be paused: topic user.signup");
    signalbus(&url, &["pauses", "list"])
        .good()
        .has("nothing is paused");
    let agreed = [&begin[..], &["--yes", "--actor", "ada"]].concat();
    signalbus(&url, &agreed)
        .good()
        .has("paused: topic user.signup");
    signalbus(&url, &agreed).good().has("was paused before");
    signalbus(&url, &["pauses", "list"])
        .good()
        .has("by ada: wrong prices");

    let end = [
        "pauses",
        "end",
        "--topic",
        "user.signup",
        "--yes",
        "--actor",
        "bob",
    ];
    let json = signalbus(&url, &[&end[..], &["--json"]].concat())
        .good()
        .json();
    assert_eq!(
        (json["ended"].as_bool(), json["released"].as_u64()),
        (Some(true), Some(0))
    );
    let again = signalbus(&url, &end);
    assert_eq!(again.code, 1, "{again:?}");
    let provider = [
        "pauses",
        "begin",
        "--provider",
        "mail",
        "--tenant",
        "acme",
        "--reason",
        "r",
    ];
    assert_eq!(signalbus(&url, &provider).code, 2);
}
