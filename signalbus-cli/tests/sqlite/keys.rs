//! The keys of the API.

use std::{fs, path::PathBuf};

use crate::{common::signalbus, file};

const PEPPER: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\n";

struct Keys {
    store: crate::File,
    folder: tempfile::TempDir,
}

impl Keys {
    async fn new() -> Self {
        let keys = Self {
            store: file(0, 0, 0).await,
            folder: tempfile::tempdir().unwrap(),
        };
        fs::write(keys.path("pepper"), PEPPER).unwrap();
        keys
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn run(&self, words: &[&str], more: &[(&str, &str)]) -> crate::common::Said {
        let files: Vec<(&str, PathBuf)> = more
            .iter()
            .map(|(flag, name)| (*flag, self.path(name)))
            .collect();
        let mut all: Vec<&str> = ["keys"].into_iter().chain(words.iter().copied()).collect();
        for (flag, path) in &files {
            all.extend([*flag, path.to_str().unwrap()]);
        }
        signalbus(&self.store.url(), &all)
    }
}

#[tokio::test]
async fn a_key_is_issued_into_a_file_listed_rotated_and_revoked() {
    let keys = Keys::new().await;
    let whose = ["--tenant", "acme"];
    let issue = [
        "issue", "--label", "shop", "--scope", "publish", "--scope", "read",
    ];
    let issue = [&issue[..], &whose].concat();
    let files = [("--pepper", "pepper"), ("--into", "one.key")];
    keys.run(&issue, &files)
        .good()
        .has("dry run, nothing is changed")
        .has("it would be written to");
    assert!(!keys.path("one.key").exists());
    let yes = ["--yes", "--actor", "ada"];
    let issued = keys.run(&[&issue[..], &yes].concat(), &files).good();
    let token = fs::read_to_string(keys.path("one.key")).unwrap();
    assert!(
        token.starts_with("sbk_") && token.ends_with('\n'),
        "{token}"
    );
    assert!(!issued.out.contains(token.trim()), "{issued:?}");
    let again = keys.run(&[&issue[..], &yes].concat(), &files);
    assert_eq!(again.code, 1, "the file is there: {again:?}");

    let list = [&["list", "--json"][..], &whose].concat();
    let json = keys.run(&list, &[]).good().json();
    assert_eq!(
        json["keys"].as_array().unwrap().len(),
        1,
        "the second was not made"
    );
    assert_eq!(
        json["keys"][0]["scopes"],
        serde_json::json!(["publish", "read"])
    );
    let id = json["keys"][0]["id"].as_str().unwrap().to_owned();
    assert!(token.contains(&id));
    keys.run(&["list", "--host"], &[])
        .good()
        .has("the host has no keys");

    let rotate = [&["rotate", &id, "--overlap", "2h"][..], &whose, &yes].concat();
    let files = [("--pepper", "pepper"), ("--into", "two.key")];
    keys.run(&rotate, &files).good().has("good for 2h more");
    let list = [&["list"][..], &whose].concat();
    let said = keys
        .run(&list, &[])
        .good()
        .has("ends in 119m")
        .has("publish read");
    assert!(
        said.out.lines().all(|line| line.chars().count() <= 80),
        "{said:?}"
    );

    let revoke = [&["revoke", &id][..], &whose].concat();
    keys.run(&revoke, &[]).good().has("would be refused");
    keys.run(&[&revoke[..], &yes].concat(), &[])
        .good()
        .has("is refused");
    keys.run(&list, &[]).good().has("revoked");
    let other = keys.run(&["revoke", &id, "--tenant", "other"], &[]);
    assert_eq!(other.code, 1, "a tenant has no key of another: {other:?}");
}

#[tokio::test]
async fn what_cannot_be_meant_makes_no_key_and_no_file() {
    let keys = Keys::new().await;
    fs::write(keys.path("short"), "0123").unwrap();
    let issue = [
        "issue", "--host", "--label", "x", "--scope", "admin", "--yes", "--actor", "ada",
    ];
    for (pepper, code) in [("short", 2), ("none", 1)] {
        let said = keys.run(&issue, &[("--pepper", pepper), ("--into", "one.key")]);
        assert_eq!(said.code, code, "{said:?}");
    }
    let label = "l".repeat(300);
    let long = [
        "issue", "--host", "--label", &label, "--scope", "admin", "--yes", "--actor", "ada",
    ];
    let said = keys.run(&long, &[("--pepper", "pepper"), ("--into", "one.key")]);
    assert_eq!(said.code, 2, "{said:?}");
    for words in [
        &["list"][..],
        &["list", "--host", "--tenant", "acme"],
        &["issue", "--host", "--label", "x", "--scope", "everything"],
    ] {
        assert_eq!(keys.run(words, &[]).code, 2, "{words:?}");
    }
    assert!(!keys.path("one.key").exists());
}
