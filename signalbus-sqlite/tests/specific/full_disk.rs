//! A disk that is really full: a small file system in memory, in a namespace of a child process.

use std::{path::Path, process::Command};

use signalbus::{
    event::Class,
    store::{Acceptance, NewEvent, Store, StoreErrorKind},
};
use signalbus_sqlite::SqliteStore;

use crate::support::{event, ids};

const DISK: &str = "SIGNALBUS_TEST_DISK";

#[test]
fn what_a_full_disk_refused_is_taken_when_there_is_room_again() {
    let disk = tempfile::tempdir().unwrap();
    let output = Command::new("unshare")
        .args(["--user", "--map-root-user", "--mount", "sh", "-c"])
        .arg("mount -t tmpfs -o size=8m disk \"$0\" && exec \"$1\" --exact full_disk::child --nocapture")
        .arg(disk.path())
        .arg(std::env::current_exe().unwrap())
        .env(DISK, disk.path())
        .output()
        .expect("this test needs `unshare` of util-linux and user namespaces");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("room again"), "the child did nothing: {said}");
}

/// Does nothing unless the test above started it, on a disk of its own.
#[tokio::test]
async fn child() {
    let Some(disk) = std::env::var_os(DISK) else {
        return;
    };
    let disk = Path::new(&disk);
    let ids = ids();
    let large = || NewEvent {
        content: vec![b'x'; 100_000].into(),
        ..event(&ids, "acme", Class::Standard)
    };
    let ballast = disk.join("ballast");
    std::fs::write(&ballast, vec![0; 4 << 20]).unwrap();
    let store = SqliteStore::open(disk.join("notifications.db"))
        .await
        .unwrap();
    let host = store.pool().clone();
    sqlx::query("CREATE TABLE host (value BLOB)")
        .execute(&host)
        .await
        .unwrap();

    let error = loop {
        match store.accept(vec![large()], Vec::new()).await {
            Ok(_) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    for _ in 0..8 {
        let mut transaction = host.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let full = sqlx::query("INSERT INTO host VALUES (zeroblob(4000000))");
        full.execute(&mut *transaction).await.unwrap_err();
    }

    std::fs::remove_file(ballast).unwrap();
    let answers = store.accept(vec![large()], Vec::new()).await.unwrap();
    assert!(matches!(answers.as_slice(), [Acceptance::Accepted]));
    for _ in 0..8 {
        host.begin_with("BEGIN IMMEDIATE")
            .await
            .unwrap()
            .commit()
            .await
            .unwrap();
    }
    println!("room again");
}
