//! Files that go from their places while they are open: SQLite would go on writing into them, and nobody would
//! find it again.

use std::path::{Path, PathBuf};

use signalbus::{
    event::Class,
    store::{DeliveryFilter, Store, StoreError, StoreErrorKind},
};
use signalbus_sqlite::SqliteStore;

use crate::support::{Place, event, hold, ids};

async fn accept(store: &SqliteStore) -> Result<(), StoreError> {
    let event = event(&ids(), "acme", Class::Standard);
    store.accept(vec![event], Vec::new()).await.map(drop)
}

/// Every way to write says so.
async fn nothing_is_written(store: &SqliteStore, how: &str) {
    for _ in 0..3 {
        let Err(error) = accept(store).await else {
            panic!("it was accepted after it was {how}");
        };
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{how}");
        assert!(
            error.to_string().contains("removed, moved or replaced"),
            "{error}"
        );
    }
    // Where the file itself is away there may be no new connection.
    let Ok(mut transaction) = store.pool().begin_with("BEGIN IMMEDIATE").await else {
        return;
    };
    let event = event(&ids(), "acme", Class::Standard);
    let error = store
        .accept_in(&mut transaction, vec![event])
        .await
        .unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{how}");
}

async fn count(store: &SqliteStore) -> u64 {
    let tally = store.tally(&DeliveryFilter::new()).await.unwrap();
    tally.iter().map(|tally| tally.count).sum()
}

fn beside(database: &Path, end: &str) -> PathBuf {
    let mut path = database.as_os_str().to_owned();
    path.push(end);
    PathBuf::from(path)
}

#[tokio::test]
async fn what_is_removed_is_not_written_to() {
    for files in [&["", "-wal", "-shm"][..], &[""], &["-wal"], &["-shm"]] {
        let place = Place::new();
        let store = SqliteStore::open(place.database()).await.unwrap();
        accept(&store).await.unwrap();
        for end in files {
            std::fs::remove_file(beside(&place.database(), end)).unwrap();
        }
        nothing_is_written(&store, &format!("removed: {files:?}")).await;
    }
}

#[tokio::test]
async fn what_is_moved_is_not_written_to_until_it_is_back() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    hold(&store, &ids()).await;
    accept(&store).await.unwrap();
    let other = place.database().with_file_name("other.db");
    for (from, to) in [(place.database(), other.clone()), (other, place.database())] {
        for end in ["", "-wal", "-shm"] {
            std::fs::rename(beside(&from, end), beside(&to, end)).unwrap();
        }
        if to != place.database() {
            nothing_is_written(&store, "moved").await;
        }
    }
    accept(&store).await.unwrap();
    store.close().await;
    drop(store);
    let store = SqliteStore::open(place.database()).await.unwrap();
    assert_eq!(count(&store).await, 2);
}

#[tokio::test]
async fn what_is_replaced_is_not_written_to() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    accept(&store).await.unwrap();
    let copy = place.database().with_file_name("copy.db");
    std::fs::copy(place.database(), &copy).unwrap();
    std::fs::rename(&copy, place.database()).unwrap();
    nothing_is_written(&store, "replaced").await;
}

/// Nothing of the kind happens in a year of use.
#[tokio::test]
async fn checkpoints_and_vacuums_leave_the_files_in_their_places() {
    let place = Place::new();
    let store = SqliteStore::open(place.database()).await.unwrap();
    for command in [
        "VACUUM",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA wal_checkpoint(RESTART)",
        "PRAGMA incremental_vacuum",
    ] {
        accept(&store).await.unwrap();
        sqlx::query(command).execute(store.pool()).await.unwrap();
        accept(&store).await.unwrap();
    }
    let copy = place.database().with_file_name("copy.db");
    sqlx::query("VACUUM INTO ?1")
        .bind(copy.to_str().unwrap())
        .execute(store.pool())
        .await
        .unwrap();
    accept(&store).await.unwrap();
}
