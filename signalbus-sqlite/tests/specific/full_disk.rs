//! Disks as they are: full, with a limit on files, read only, gone. Each test starts itself again in a namespace of
//! its own, with a small file system in memory.

use std::{
    fs::File,
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    sync::atomic::{AtomicUsize, Ordering},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signalbus::{
    event::Class,
    store::{Acceptance, NewEvent, Store, StoreError, StoreErrorKind},
};
use signalbus_sqlite::SqliteStore;
use signalbus_testkit::{store_model, store_suite::LANES};

use crate::support::{event, ids};

const DISK: &str = "SIGNALBUS_TEST_DISK";

/// Runs a test of this module on a disk of its own, as this user of its namespace.
fn on_a_disk(user: &str, child: &str, last_words: &str) {
    let disk = tempfile::tempdir().unwrap();
    let mount = match user {
        "--map-root-user" => "mount -t tmpfs -o size=8m disk \"$0\"",
        _ => "true",
    };
    let output = Command::new("unshare")
        .args(["--user", user, "--mount", "sh", "-c"])
        .arg(format!(
            // A file that grows too large is to be an error, and not the end.
            "{mount} && trap '' XFSZ && exec \"$1\" --exact full_disk::{child} --nocapture --test-threads=1"
        ))
        .arg(disk.path())
        .arg(std::env::current_exe().unwrap())
        .env(DISK, disk.path())
        .env("TMPDIR", disk.path())
        .output()
        .unwrap_or_else(|error| {
            panic!("this test needs `unshare` of util-linux and user namespaces: {error}")
        });
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(last_words), "the child did nothing: {said}");
}

fn large() -> NewEvent {
    NewEvent {
        content: vec![b'x'; 100_000].into(),
        ..event(&ids(), "acme", Class::Standard)
    }
}

async fn accepts(store: &SqliteStore) {
    let answers = store.accept(vec![large()], Vec::new()).await.unwrap();
    assert!(matches!(answers.as_slice(), [Acceptance::Accepted]));
}

/// Publishes until it cannot any more.
async fn until_it_fails(store: &SqliteStore) -> StoreError {
    loop {
        if let Err(error) = store.accept(vec![large()], Vec::new()).await {
            return error;
        }
    }
}

#[test]
fn what_a_full_disk_refused_is_taken_when_there_is_room_again() {
    on_a_disk("--map-root-user", "full", "room again");
}

#[tokio::test]
async fn full() {
    let Some(disk) = std::env::var_os(DISK) else {
        return;
    };
    let disk = Path::new(&disk);
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

    let error = until_it_fails(&store).await;
    assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
    for _ in 0..8 {
        let mut transaction = host.begin_with("BEGIN IMMEDIATE").await.unwrap();
        let full = sqlx::query("INSERT INTO host VALUES (zeroblob(4000000))");
        full.execute(&mut *transaction).await.unwrap_err();
    }

    std::fs::remove_file(ballast).unwrap();
    accepts(&store).await;
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

#[test]
fn what_a_limit_on_files_refused_is_taken_when_it_is_lifted() {
    on_a_disk("--map-root-user", "limited", "no limit again");
}

#[tokio::test]
async fn limited() {
    let Some(disk) = std::env::var_os(DISK) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&disk).join("notifications.db"))
        .await
        .unwrap();
    accepts(&store).await;
    let before = getrlimit(Resource::Fsize);
    let limit = Rlimit {
        current: Some(1 << 20),
        ..before
    };
    for _ in 0..3 {
        setrlimit(Resource::Fsize, limit).unwrap();
        for _ in 0..3 {
            // The log is written by the commit, which may have come further than the error says.
            let error = until_it_fails(&store).await;
            assert_eq!(error.kind(), StoreErrorKind::Ambiguous, "{error}");
            assert!(error.is_transient(), "{error}");
        }
        setrlimit(Resource::Fsize, before).unwrap();
        accepts(&store).await;
    }
    println!("no limit again");
}

#[test]
fn a_folder_that_may_not_be_written_is_said() {
    on_a_disk("--map-user=1000", "read_only", "may be written again");
}

#[tokio::test]
async fn read_only() {
    let Some(disk) = std::env::var_os(DISK) else {
        return;
    };
    let disk = Path::new(&disk);
    let path = disk.join("notifications.db");
    let may = |mode| std::fs::set_permissions(disk, PermissionsExt::from_mode(mode)).unwrap();
    for there in [false, true] {
        may(0o500);
        let error = SqliteStore::open(&path).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{there} {error}");
        assert!(error.to_string().contains("may be written"), "{error}");
        may(0o700);
        let store = SqliteStore::open(&path).await.unwrap();
        accepts(&store).await;
        // It has all the files that it needs.
        may(0o500);
        accepts(&store).await;
        may(0o700);
        store.close().await;
        std::fs::remove_file(path.with_extension("db.lock")).unwrap();
    }
    println!("may be written again");
}

#[test]
fn a_file_system_that_vanishes_takes_nothing_along_silently() {
    on_a_disk("--map-root-user", "vanished", "noticed that it vanished");
}

#[tokio::test]
async fn vanished() {
    let Some(disk) = std::env::var_os(DISK) else {
        return;
    };
    let disk = Path::new(&disk);
    let store = SqliteStore::open(disk.join("notifications.db"))
        .await
        .unwrap();
    accepts(&store).await;
    // What is open stays usable for whoever has it open, and for nobody else.
    let unmounted = Command::new("umount").arg("--lazy").arg(disk).status();
    assert!(unmounted.unwrap().success());
    for _ in 0..3 {
        let error = store.accept(vec![large()], Vec::new()).await.unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{error}");
        assert!(error.to_string().contains("put it back"), "{error}");
    }
    println!("noticed that it vanished");
}

#[test]
fn whatever_was_refused_has_done_nothing_and_is_taken_afterwards() {
    on_a_disk("--map-root-user", "in_trouble", "all stories went well");
}

/// The model of a store, with a disk that is full now, and may not be written then.
#[test]
fn in_trouble() {
    if std::env::var_os(DISK).is_none() {
        return;
    }
    let turns = AtomicUsize::new(0);
    store_model::run_in_trouble(
        async |clock, place| {
            let file = place.path().join("notifications.db");
            let builder = SqliteStore::builder(file).clock(clock).lanes(LANES);
            builder.open().await.unwrap()
        },
        move |folder| match turns.fetch_add(1, Ordering::Relaxed) % 2 {
            0 => Trouble::full(folder),
            _ => Trouble::limited(),
        },
    );
    println!("all stories went well");
}

/// Lasts until it is dropped.
enum Trouble {
    Full(PathBuf),
    Limited(Rlimit),
}

impl Trouble {
    fn full(folder: &Path) -> Self {
        let ballast = folder.join("ballast");
        let mut file = File::create(&ballast).unwrap();
        for size in [1 << 20, 1 << 12] {
            let block = vec![0; size];
            while file.write_all(&block).is_ok() {}
        }
        Self::Full(ballast)
    }

    fn limited() -> Self {
        let before = getrlimit(Resource::Fsize);
        let limit = Rlimit {
            current: Some(0),
            ..before
        };
        setrlimit(Resource::Fsize, limit).unwrap();
        Self::Limited(before)
    }
}

impl Drop for Trouble {
    fn drop(&mut self) {
        match self {
            Self::Full(ballast) => std::fs::remove_file(ballast).unwrap(),
            Self::Limited(before) => setrlimit(Resource::Fsize, *before).unwrap(),
        }
    }
}
