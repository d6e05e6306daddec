//! The quickstart: once, again, and killed at any moment.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use rand::{RngExt, rngs::StdRng};

use crate::{outbox::Outbox, process::Program};

const EVENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../data/events.jsonl");

/// What examples/data/README.md promises.
const MAILS: usize = 310;
const TEXTS: usize = 146;

#[test]
fn everything_is_sent_once_and_the_rest_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let program = quickstart(dir.path());

    let report = program.run(&[]);
    let outbox = Outbox::read(dir.path());
    assert_eq!((outbox.mails.len(), outbox.texts.len()), (MAILS, TEXTS));
    for line in [
        "405 accepted, 5 duplicate, 3 conflict, 0 invalid",
        "by line 58, for something else",
        "an e-mail address needs an '@'",
        "the policy has no rule for garden.watered",
        "`data.total` is undefined",
        "due 2099-01-01T09:00:00Z",
    ] {
        // A cell of the table may break it.
        let report = report
            .split_whitespace()
            .filter(|word| *word != "│" && *word != "┆");
        let report = report.collect::<Vec<_>>().join(" ");
        assert!(report.contains(line), "{line} is missing in:\n{report}");
    }
    for secret in confidential() {
        assert!(!report.contains(&secret), "{secret:?} is in:\n{report}");
    }

    let again = program.run(&[]);
    assert!(again.contains("413 of them by an earlier run"), "{again}");
    assert!(
        Outbox::read(dir.path()) == outbox,
        "something was sent again"
    );

    let story = program.run(&["--explain", "182"]);
    assert!(story.contains("now dead (render_failed)"), "{story}");
    assert!(
        Outbox::read(dir.path()) == outbox,
        "something was sent again"
    );
}

#[test]
fn bulk_mails_can_be_left_and_machines_are_told() {
    let dir = tempfile::tempdir().unwrap();
    quickstart(dir.path()).run(&[]);
    let outbox = Outbox::read(dir.path());
    let with = |header: &str| {
        outbox
            .mails
            .values()
            .filter(|mail| mail.contains(header))
            .count()
    };
    // Of 39 lines one is a repeat, and one is for the year 2099.
    assert_eq!(with("List-Unsubscribe: <https://"), 37);
    let one_click = "List-Unsubscribe-Post: List-Unsubscribe=One-Click";
    assert_eq!(with(one_click), 37);
    assert_eq!(with("Auto-Submitted: auto-generated"), 29);
    // Each company writes under its own name.
    for own in ["acme", "globex", "nordwind", "sakura"] {
        let address = format!("@{own}.example>");
        let from = |mail: &&String| {
            let mut lines = mail.lines();
            lines.any(|line| line.starts_with("From: ") && line.contains(&address))
        };
        assert!(outbox.mails.values().filter(from).count() > 30, "{own}");
    }
}

#[test]
fn it_takes_events_of_ones_own() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mine.jsonl");
    let event = r#"{"topic":"auth.code","to":[{"addresses":{"sms":"+447700900123"}}],
        "data":{"code":"117203","minutes":10},"idempotency":{"key":"mine"}}"#;
    fs::write(&file, event.replace('\n', "")).unwrap();
    let program = quickstart(dir.path());
    let report = program.run(&["--events", file.to_str().unwrap()]);
    assert!(report.contains("1 accepted, 0 duplicate"), "{report}");
    let texts = fs::read_to_string(dir.path().join("quickstart-data/texts.jsonl")).unwrap();
    assert_eq!(texts.lines().count(), 1);
    assert!(texts.contains("117203"), "{texts}");
}

#[test]
fn nobody_has_to_read_to_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let program = quickstart(dir.path());
    program.run(&[]);
    let mut child = program.spawn(&[]);
    drop(child.stdout.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn on_postgres_it_is_the_same() {
    let url = signalbus_servers::url(signalbus_servers::POSTGRES_URL);
    let url = url.unwrap_or_else(|error| panic!("{error}"));
    let dir = tempfile::tempdir().unwrap();
    let name = dir.path().file_name().unwrap().to_string_lossy();
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
    let store = format!("{url}?schema=quickstart_{}", name.to_lowercase());
    let program = quickstart(dir.path());

    let report = program.run(&["--store", &store]);
    assert!(
        report.contains("405 accepted, 5 duplicate, 3 conflict, 0 invalid"),
        "{report}"
    );
    let outbox = Outbox::read(dir.path());
    assert_eq!((outbox.mails.len(), outbox.texts.len()), (MAILS, TEXTS));
    let again = program.run(&["--store", &store]);
    assert!(again.contains("413 of them by an earlier run"), "{again}");
    assert!(
        Outbox::read(dir.path()) == outbox,
        "something was sent again"
    );
}

#[test]
fn killed_at_any_moment_nothing_is_lost_and_nothing_is_there_twice() {
    let clean = tempfile::tempdir().unwrap();
    let whole = quickstart(clean.path()).timed();
    let expected = Outbox::read(clean.path()).contents();
    assert_eq!(expected.len(), MAILS + TEXTS);

    let mut chance: StdRng = rand::make_rng();
    for round in 0..3 {
        let dir = tempfile::tempdir().unwrap();
        let program = quickstart(dir.path());
        let mut delays = Vec::new();
        for _ in 0..6 {
            let delay = chance.random_range(Duration::from_millis(5)..whole / 2);
            if program.kill_after(delay) {
                delays.push(delay);
            }
        }
        assert!(!delays.is_empty(), "every run ended before it was killed");
        program.run(&[]);
        let contents = Outbox::read(dir.path()).contents();
        let (lost, extra) = (without(&expected, &contents), without(&contents, &expected));
        assert!(
            lost.is_empty() && extra.is_empty(),
            "round {round}, killed after {delays:?}: lost {lost:#?}, too many {extra:#?}"
        );
    }
}

/// What is in `all` more often than in `others`.
fn without(all: &[String], others: &[String]) -> Vec<String> {
    let mut rest = others.to_vec();
    let mut found = all.to_vec();
    found.retain(|one| match rest.iter().position(|other| other == one) {
        Some(place) => {
            rest.swap_remove(place);
            false
        }
        None => true,
    });
    found
}

fn quickstart(dir: &Path) -> Program {
    Program::new("quickstart", dir)
}

/// Every name and address of the file.
fn confidential() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in fs::read_to_string(Path::new(EVENTS)).unwrap().lines() {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        for to in event["to"].as_array().unwrap() {
            let addresses = to["addresses"].as_object().unwrap();
            found.extend(
                addresses
                    .values()
                    .filter_map(|address| address.as_str().map(str::to_owned)),
            );
            found.extend(to["name"].as_str().map(str::to_owned));
        }
    }
    assert!(found.len() > 200);
    found
}
