//! `doctor` on a store and on templates. Its look at DNS stands in `tests/names.rs`.

use crate::{common::signalbus, file};

#[tokio::test]
async fn a_healthy_file_has_no_problem() {
    let file = file(0, 1, 0).await;
    signalbus(&file.url(), &["doctor"])
        .good()
        .has("good: schema: version 4")
        .has("good: version: SQLite 3.")
        .has("good: lock: no process has the file open")
        .has("good: work");
    let owner = file.open().await;
    signalbus(&file.url(), &["doctor"])
        .good()
        .has("a process has the file open");
    owner.close().await;
}

#[test]
fn a_file_without_tables_and_broken_templates_are_problems() {
    let folder = tempfile::tempdir().unwrap();
    let locale = folder.path().join("a/en");
    std::fs::create_dir_all(&locale).unwrap();
    std::fs::write(locale.join("sms.txt"), "{{ broken").unwrap();
    let url = format!("sqlite:{}", folder.path().join("none.db").display());
    let templates = folder.path().to_str().unwrap();
    let said = signalbus(&url, &["doctor", "--templates", templates, "--json"]);
    assert_eq!(said.code, 1);
    let json = said.json();
    assert_eq!(json["healthy"], false);
    let about: Vec<_> = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["level"] == "problem")
        .map(|finding| finding["about"].as_str().unwrap())
        .collect();
    assert_eq!(about, ["schema", "templates"]);
}

#[test]
fn a_server_takes_a_connection_or_is_a_problem() {
    let there = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = there.local_addr().unwrap().to_string();
    signalbus("", &["doctor", "--server", &address])
        .good()
        .has("good: version: signalbus ")
        .has(&format!("good: server: {address} takes a connection"));
    drop(there);
    let said = signalbus("", &["doctor", "--server", &address]);
    assert_eq!(said.code, 1);
    said.has(&format!("problem: server: {address} cannot be reached"));
    assert_eq!(signalbus("", &["doctor", "--server", "nowhere"]).code, 2);
}
