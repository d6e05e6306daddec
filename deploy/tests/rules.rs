//! The rules, by the tools of those who run them; and a runbook and a test for each alert.

#![cfg(test)]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn files(end: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder("prometheus")).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.to_str().unwrap().ends_with(end));
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

/// Runs a tool; it must succeed.
fn run(program: &str, arguments: &[&str], paths: &[PathBuf]) {
    let output = Command::new(program)
        .args(arguments)
        .args(paths)
        .output()
        .unwrap_or_else(|error| {
            panic!("{program}: {error}: install prometheus and prometheus-alertmanager")
        });
    let text = [output.stdout, output.stderr].concat();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&text)
    );
}

#[test]
fn promtool_and_amtool_find_nothing_wrong() {
    run(
        "promtool",
        &["check", "rules", "--lint=all", "--lint-fatal"],
        &files(".rules.yml"),
    );
    run(
        "promtool",
        &["check", "config"],
        &[folder("prometheus/prometheus.yml")],
    );
    run(
        "amtool",
        &["check-config"],
        &[folder("alertmanager/alertmanager.yml")],
    );
}

#[test]
fn each_alert_fires_and_does_not_fire_in_its_test() {
    run("promtool", &["test", "rules"], &files(".test.yml"));
    for rules in files(".rules.yml") {
        let text = fs::read_to_string(&rules).unwrap();
        let test = rules.to_str().unwrap().replace(".rules.yml", ".test.yml");
        let test = fs::read_to_string(test).unwrap();
        for alert in alerts(&text) {
            for name in [
                format!("name: {alert} fires\n"),
                format!("name: {alert} does not fire\n"),
            ] {
                assert!(test.contains(&name), "{alert} has no test {name:?}");
            }
        }
    }
}

/// The names behind `- alert:`.
fn alerts(rules: &str) -> Vec<&str> {
    let lines = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    lines.collect()
}

#[test]
fn each_alert_has_a_runbook_and_each_runbook_an_alert() {
    let mut named = BTreeSet::new();
    for rules in files(".rules.yml") {
        let text = fs::read_to_string(&rules).unwrap();
        for alert in alerts(&text) {
            assert!(named.insert(format!("{alert}.md")), "{alert} twice");
            let url = format!("runbook_url: docs/runbooks/{alert}.md");
            assert!(text.contains(&url), "{alert} does not name its runbook");
        }
        let count = |word: &str| text.matches(word).count();
        assert_eq!(count("- alert:"), count("severity:") - count("`severity:"));
    }
    let books = fs::read_dir(folder("../docs/runbooks")).unwrap();
    let books: BTreeSet<String> = books
        .map(|book| book.unwrap().file_name().into_string().unwrap())
        .filter(|book| book != "README.md")
        .collect();
    assert_eq!(books, named);
    for book in &books {
        let text = fs::read_to_string(folder("../docs/runbooks").join(book)).unwrap();
        assert!(
            text.starts_with(&format!("# {}\n", book.trim_end_matches(".md"))),
            "{book}"
        );
        assert!(
            text.contains("\n## Look\n") && text.contains("\n## Do\n"),
            "{book}"
        );
        // Links between runbooks, and the commands they tell to type.
        for link in text
            .split("](")
            .skip(1)
            .map(|rest| rest.split(')').next().unwrap())
        {
            assert!(books.contains(link), "{book} links to {link}");
        }
    }
}

/// Whether `docker-compose`, which needs no engine for it, takes a file.
fn takes(compose: &Path) -> bool {
    let output = Command::new("docker-compose")
        .arg("--file")
        .arg(compose)
        .args(["--profile", "server", "config", "--quiet"])
        .output()
        .unwrap_or_else(|error| panic!("docker-compose: {error}: install docker-compose"));
    output.status.success()
}

#[test]
fn a_parser_of_compose_files_takes_ours_and_refuses_it_broken() {
    assert!(takes(&folder("compose.yaml")));
    let text = fs::read_to_string(folder("compose.yaml")).unwrap();
    let dir = tempfile::tempdir().unwrap();
    for (whole, broken) in [
        ("    depends_on: *worker-needs", "    depends_on: [nobody]"),
        ("  read_only: true", "  read_onyl: true"),
        ("  kafka:\n    image:", "  kafka:\n    imgae:"),
    ] {
        assert!(text.contains(whole), "{whole} is no longer there");
        let path = dir.path().join("compose.yaml");
        fs::write(&path, text.replacen(whole, broken, 1)).unwrap();
        assert!(!takes(&path), "{broken} is taken");
    }
}
