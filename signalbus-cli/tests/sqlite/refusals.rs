//! What is typed wrong.

use crate::{common::signalbus, file};

#[test]
fn a_store_must_be_named_and_one_that_exists() {
    for (store, code, hint) in [
        ("", 2, "name the store"),
        ("mysql://app:secret@db/app", 2, "a store is sqlite:PATH"),
        ("sqlite:", 2, "name the file"),
        ("sqlite:/nowhere/at/all.db", 3, "cannot be opened"),
        (
            "postgres://app:secret@127.0.0.1:1/app?deadline_ms=2000",
            3,
            "the store cannot be used",
        ),
    ] {
        let said = signalbus(store, &["list"]);
        assert_eq!(said.code, code, "{said:?}");
        assert!(said.err.contains(hint), "{said:?}");
        assert!(!said.err.contains("secret"), "{said:?}");
        assert!(said.out.is_empty());
    }
}

#[test]
fn help_shows_no_value_from_the_environment() {
    let said = signalbus("postgres://app:secret@db/app", &["--help"]).good();
    assert!(said.out.contains("SIGNALBUS_STORE"));
    assert!(!said.out.contains("secret"), "{said:?}");
    for command in [
        "migrate",
        "doctor",
        "health",
        "explain",
        "event",
        "list",
        "dead-letters",
        "tally",
        "redrive",
        "cancel",
        "render",
        "suppressions",
    ] {
        assert!(said.out.contains(&format!("  {command} ")), "no {command}");
    }
}

#[tokio::test]
async fn a_word_that_is_no_state_time_or_id_is_refused() {
    let file = file(0, 0, 0).await;
    for (arguments, hint) in [
        (&["list", "--state", "lost"][..], "a state is one of"),
        (&["list", "--since", "soon"], "write a span"),
        (&["list", "--limit", "0"], "0 is not in"),
        (&["explain", "7"], "invalid value"),
        (&["redrive", "7"], "a delivery is ID or ID@GENERATION"),
        (
            &["suppressions", "lookup", "nobody", "--channel", "email"],
            "the address cannot be used",
        ),
    ] {
        let said = signalbus(&file.url(), arguments);
        assert!(said.code == 2 || said.code == 1, "{said:?}");
        assert!(said.err.contains(hint), "{said:?}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_said_to_be_none() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    std::fs::write(
        &path,
        "These are my notes, and they are long enough to be read. ".repeat(90),
    )
    .unwrap();
    let said = signalbus(&format!("sqlite:{}", path.display()), &["list", "--json"]);
    assert_eq!(said.code, 3);
    let error: serde_json::Value = serde_json::from_str(&said.err).unwrap();
    assert_eq!(error["error"]["kind"], "store_corrupt");
}
