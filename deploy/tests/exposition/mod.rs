//! `docs/metrics.md`, and the page that Prometheus scrapes.

#![allow(dead_code, reason = "each program of tests uses a part of it")]

use std::collections::{BTreeMap, BTreeSet};

const REFERENCE: &str = include_str!("../../../docs/metrics.md");

/// One line of the reference.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) kind: String,
    pub(crate) labels: BTreeSet<String>,
}

/// The tables: `| metric | type | labels | unit | says |`.
pub(crate) fn reference() -> BTreeMap<String, Line> {
    let mut lines = BTreeMap::new();
    for row in REFERENCE.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.trim_matches('|').split(" | ").map(str::trim).collect();
        assert_eq!(cells.len(), 5, "{row}");
        let name = cells[0].trim_matches('`').to_owned();
        // Units are in the name, but for those that count things.
        let unit_in_name = name.contains("_seconds");
        assert_eq!(cells[3] == "seconds", unit_in_name, "{row}");
        assert!(!cells[4].is_empty(), "{row}");
        let labels = cells[2].split(", ").filter(|label| *label != "none");
        let labels = labels.map(|label| label.trim_matches('`').to_owned());
        let line = Line {
            kind: cells[1].to_owned(),
            labels: labels.collect(),
        };
        assert!(lines.insert(name, line).is_none(), "twice: {row}");
    }
    lines
}

/// What is in the sections whose heading says that it comes from elsewhere.
pub(crate) fn elsewhere() -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut here = false;
    for line in REFERENCE.lines() {
        if line.starts_with("## ") {
            here = line.contains("(not in this test)");
        } else if here && line.starts_with("| `") {
            names.insert(line.split('`').nth(1).unwrap().to_owned());
        }
    }
    names
}

/// The page as Prometheus reads it: types, and the labels of each metric.
pub(crate) fn exposition(page: &str) -> BTreeMap<String, Line> {
    let mut found: BTreeMap<String, Line> = BTreeMap::new();
    for line in page.lines() {
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            let (kind, labels) = (kind.to_owned(), BTreeSet::new());
            found.insert(name.to_owned(), Line { kind, labels });
        } else if !line.starts_with('#') && !line.is_empty() {
            let end = line.find(['{', ' ']).unwrap();
            let full = &line[..end];
            let short = ["_bucket", "_sum", "_count"]
                .iter()
                .find_map(|end| full.strip_suffix(end));
            let name = short
                .filter(|name| found.contains_key(*name))
                .unwrap_or(full);
            let inside = line
                .split_once('{')
                .map_or("", |(_, rest)| rest.split_once('}').unwrap().0);
            let labels = inside
                .split("\",")
                .filter_map(|label| label.split_once("=\""));
            let labels = labels.map(|(label, _)| label.trim_start_matches(',').to_owned());
            let line = found
                .get_mut(name)
                .unwrap_or_else(|| panic!("{line} has no type"));
            line.labels.extend(labels.filter(|label| label != "le"));
        }
    }
    found
}
