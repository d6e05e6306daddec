//! One process owns a file, and its death frees it.

use std::{process::Stdio, sync::Arc, time::Duration};

use signalbus::{
    event::Class,
    store::{DeliveryFilter, Store, StoreErrorKind},
};
use signalbus_sqlite::SqliteStore;
use signalbus_testkit::ManualClock;
use tokio::io::{AsyncBufReadExt, BufReader};

use crate::support::{Place, claim_all, event, fetch, hold, ids};

const DATABASE: &str = "SIGNALBUS_TEST_DATABASE";
const OPENED: &str = "SIGNALBUS_TEST_OPENED";

#[tokio::test]
async fn a_second_open_is_refused_and_names_the_file() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let error = SqliteStore::open(place.database()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
    assert!(error.to_string().contains("notifications.db"), "{error}");
    drop(store);
    eventually_opens(&place).await;
}

/// As in a restart in which the new process begins before the old one has ended.
#[tokio::test]
async fn opening_waits_for_the_owner_as_long_as_it_was_told_to() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let clock = ManualClock::default();
    let wait = Duration::from_secs(40);
    let open = || {
        let builder = SqliteStore::builder(place.database()).clock(Arc::new(clock.clone()));
        tokio::spawn(builder.owner_wait(wait).open())
    };

    let opening = open();
    clock.run(wait - Duration::from_millis(1)).await;
    assert!(!opening.is_finished());
    clock.run(Duration::from_millis(1)).await;
    let error = opening.await.unwrap().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);

    let opening = open();
    clock.run(wait / 2).await;
    store.close().await;
    drop(store);
    clock.run(wait / 2).await;
    accept(&opening.await.unwrap().unwrap()).await;
}

async fn accept(store: &SqliteStore) {
    let accepted = event(&ids(), "acme", Class::Standard);
    store.accept(vec![accepted], Vec::new()).await.unwrap();
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_to_the_file_is_the_same_file() {
    let place = Place::new();
    let _store = SqliteStore::open(place.database()).await.unwrap();
    let link = place.database().with_file_name("link.db");
    std::os::unix::fs::symlink(place.database(), &link).unwrap();
    let error = SqliteStore::open(link).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);
}

/// Neither the loss of the file beside it nor another name makes a second owner, in this process or another.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_file_itself_is_owned_whatever_becomes_of_its_names() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let link = place.database().with_file_name("other.db");
    std::fs::hard_link(place.database(), &link).unwrap();
    std::fs::remove_file(place.database().with_extension("db.lock")).unwrap();
    for path in [place.database(), link] {
        let error = SqliteStore::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::InUse, "{error}");
        let output = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["ownership::opener", "--exact", "--nocapture"])
            .env(OPENED, &path)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("opening gave InUse"), "{said}");
    }
    accept(&store).await;
    store.close().await;
    drop(store);
    eventually_opens(&place).await;
}

/// Does nothing unless the test above started it.
#[tokio::test]
async fn opener() {
    if let Some(path) = std::env::var_os(OPENED) {
        let opened = SqliteStore::open(std::path::Path::new(&path)).await;
        println!("opening gave {:?}", opened.map(drop).unwrap_err().kind());
    }
}

/// Runs in a process of its own, started by the next test: accepts an event, claims it, says so,
/// and waits to be killed.
#[tokio::test]
async fn child() {
    let Ok(database) = std::env::var(DATABASE) else {
        return;
    };
    let ids = ids();
    let store = SqliteStore::open(database).await.unwrap();
    let claimed = event(&ids, "acme", Class::Standard);
    store.accept(vec![claimed], Vec::new()).await.unwrap();
    let lanes = hold(&store, &ids).await;
    let ready = fetch(&store, &lanes).await.ready;
    assert_eq!(claim_all(&store, &lanes, &ready).await, 1);
    let waiting = event(&ids, "acme", Class::Standard);
    store.accept(vec![waiting], Vec::new()).await.unwrap();
    println!("\nclaimed");
    std::future::pending::<()>().await;
}

#[tokio::test]
async fn a_killed_process_leaves_a_durable_claim_and_no_lock() {
    let place = Place::new();
    let mut child = tokio::process::Command::new(std::env::current_exe().unwrap())
        .args(["ownership::child", "--exact", "--nocapture"])
        .env(DATABASE, place.database())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    while let Some(line) = lines.next_line().await.unwrap() {
        if line == "claimed" {
            break;
        }
    }

    let error = SqliteStore::open(place.database()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::InUse);

    child.kill().await.unwrap();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let lanes = hold(&store, &ids()).await;
    assert_eq!(lanes.len(), 1, "the lanes of the dead are taken at once");
    let fetched = fetch(&store, &lanes).await;
    assert_eq!(fetched.interrupted.len(), 1, "claimed: possibly sent");
    assert_eq!(fetched.interrupted[0].ready.attempt, 1);
    assert_eq!(fetched.ready.len(), 1, "not claimed: never attempted");
    assert_ne!(fetched.ready[0].id, fetched.interrupted[0].ready.id);
}

#[tokio::test]
async fn a_new_owner_has_a_higher_epoch_after_a_restart() {
    let place = Place::new();
    let ids = ids();
    let mut epochs = Vec::new();
    for _ in 0..3 {
        let store = eventually_opens(&place).await;
        epochs.push(hold(&store, &ids).await[0].epoch);
        store.close().await;
    }
    assert!(epochs.is_sorted_by(|a, b| a < b), "{epochs:?}");
}

#[tokio::test]
async fn migrations_run_once() {
    let place = Place::new();
    let ids = ids();
    for opened in 0..3_u64 {
        let store = eventually_opens(&place).await;
        let accepted = event(&ids, "acme", Class::Standard);
        store.accept(vec![accepted], Vec::new()).await.unwrap();
        let tally = store.tally(&DeliveryFilter::new()).await.unwrap();
        assert_eq!(tally[0].count, opened + 1);
        store.close().await;
    }
}

#[tokio::test]
async fn a_file_keeps_its_number_of_lanes() {
    let place = Place::new();
    let store = SqliteStore::builder(place.database())
        .lanes(8)
        .open()
        .await
        .unwrap();
    assert_eq!(hold(&store, &ids()).await.len(), 8);
    drop(store);
    let store = eventually_opens(&place).await;
    assert_eq!(hold(&store, &ids()).await.len(), 8);
    drop(store);
    let wrong = loop {
        let opened = SqliteStore::builder(place.database()).lanes(4).open().await;
        match opened {
            Err(error) if error.kind() == StoreErrorKind::InUse => tokio::task::yield_now().await,
            other => break other.unwrap_err(),
        }
    };
    assert_eq!(wrong.kind(), StoreErrorKind::Invalid);
    assert!(wrong.to_string().contains("8 lanes"), "{wrong}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_corrupt() {
    let place = Place::new();
    std::fs::write(
        place.database(),
        "not a database, but long enough ".repeat(200),
    )
    .unwrap();
    let error = SqliteStore::open(place.database()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
}

#[tokio::test]
async fn a_damaged_file_is_corrupt_and_nothing_panics() {
    let place = Place::new();
    let ids = ids();
    let store = SqliteStore::open(place.database()).await.unwrap();
    let events = (0..500).map(|_| event(&ids, "acme", Class::Standard));
    store.accept(events.collect(), Vec::new()).await.unwrap();
    store.close().await;
    drop(store);
    let mut bytes = std::fs::read(place.database()).unwrap();
    for byte in &mut bytes[4096..] {
        *byte = 0x5a;
    }
    std::fs::write(place.database(), bytes).unwrap();
    let error = SqliteStore::open(place.database()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt, "{error:?}");
}

#[tokio::test]
async fn a_missing_directory_is_said() {
    let place = Place::new();
    let path = place.database().join("none").join("n.db");
    let error = SqliteStore::open(path).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error.to_string().contains("directory"), "{error}");
}

/// The file is free when the last task that used it has ended.
async fn eventually_opens(place: &Place) -> SqliteStore {
    let deadline = std::time::Instant::now() + Duration::from_secs(10);
    loop {
        match SqliteStore::open(place.database()).await {
            Ok(store) => return store,
            Err(error)
                if error.kind() == StoreErrorKind::InUse
                    && std::time::Instant::now() < deadline =>
            {
                tokio::task::yield_now().await;
            }
            Err(error) => panic!("{error}"),
        }
    }
}
