use std::{fs, path::Path};

use signalbus::channel::Sms;
use signalbus_testkit::provider_suite::{Parcel, Subject};
use tempfile::TempDir;

use crate::texts::TextFile;

fn subject(path: &Path) -> Subject<Sms> {
    Subject::new(Sms::new(), TextFile::open(path).unwrap())
        .to("+44 7700 900123")
        .part("sms.txt", "Your parcel is at the door")
}

signalbus_testkit::provider_suite! {
    reports_start: true,
    recognises_repeats: true,
    looks_up: false,
    open: async || {
        let dir = tempfile::tempdir().unwrap();
        subject(&dir.path().join("texts.jsonl")).keep(dir)
    },
}

#[tokio::test]
async fn a_repeat_is_recognised_by_the_next_process_too() {
    let (dir, parcel) = sent().await;
    let path = dir.path().join("texts.jsonl");
    let before = fs::read(&path).unwrap();
    subject(&path).send(&parcel).await.unwrap();
    assert_eq!(fs::read(&path).unwrap(), before);
}

/// Its result was never written, so it is sent again, and must not be there one and a half times.
#[tokio::test]
async fn a_line_cut_short_is_written_over() {
    let (dir, parcel) = sent().await;
    let path = dir.path().join("texts.jsonl");
    let whole = fs::read(&path).unwrap();
    for length in [1, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..length]).unwrap();
        subject(&path).send(&parcel).await.unwrap();
        assert_eq!(fs::read(&path).unwrap(), whole, "cut after {length} bytes");
    }
}

#[tokio::test]
async fn a_file_of_something_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("texts.jsonl");
    fs::write(&path, "Dear diary,\n").unwrap();
    TextFile::open(&path).unwrap_err();
    assert_eq!(fs::read_to_string(&path).unwrap(), "Dear diary,\n");
}

/// A folder whose file has one text.
async fn sent() -> (TempDir, Parcel<Sms>) {
    let dir = tempfile::tempdir().unwrap();
    let subject = subject(&dir.path().join("texts.jsonl"));
    let parcel = subject.parcel();
    subject.send(&parcel).await.unwrap();
    (dir, parcel)
}
