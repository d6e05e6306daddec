//! What panels and rules ask for.

use std::{fs, path::Path};

use serde_json::Value;

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

/// The query of each panel, with its variables put in as Grafana does when everything is chosen.
pub(crate) fn panels() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for entry in fs::read_dir(folder("grafana/dashboards")).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let dashboard: Value = serde_json::from_str(&text).unwrap();
        for panel in dashboard["panels"].as_array().unwrap() {
            for target in panel["targets"].as_array().unwrap() {
                let query = target["expr"].as_str().unwrap();
                let query = query
                    .replace("$__rate_interval", "1m")
                    .replace("$job", ".+")
                    .replace("$instance", ".+");
                queries.push((
                    format!("{} / {}", dashboard["title"], panel["title"]),
                    query,
                ));
            }
        }
    }
    queries
}

/// What each rule selects. The rule itself gives nothing while all is well, and that is what its test
/// in promtool is for; but what it looks at must be there.
pub(crate) fn rules() -> Vec<(String, String)> {
    let mut queries = Vec::new();
    for entry in fs::read_dir(folder("prometheus")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if !name.ends_with(".rules.yml") {
            continue;
        }
        for query in expressions(&fs::read_to_string(&path).unwrap()) {
            for metric in metrics(&query) {
                queries.push((name.clone(), metric));
            }
        }
    }
    queries.sort();
    queries.dedup();
    queries
}

/// The expressions behind `expr:`, on one line or in a block.
fn expressions(rules: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut lines = rules.lines().peekable();
    while let Some(line) = lines.next() {
        let Some(rest) = line.trim().strip_prefix("expr:") else {
            continue;
        };
        let depth = |line: &str| line.len() - line.trim_start().len();
        let mut query = rest.trim().trim_start_matches('|').to_owned();
        while let Some(next) = lines.next_if(|next| depth(next) > depth(line)) {
            query.push(' ');
            query.push_str(next.trim());
        }
        found.push(query);
    }
    found
}

/// Words of the language before a space or a group that was taken out.
const KEYWORDS: [&str; 12] = [
    "and", "or", "unless", "by", "without", "on", "ignoring", "sum", "min", "max", "avg", "count",
];

/// The metrics that an expression names: words that are no functions, labels or keywords.
fn metrics(query: &str) -> Vec<String> {
    let bare = without_groups(query);
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let mut found = Vec::new();
    let mut rest = bare.as_str();
    while let Some(start) = rest.find(inside) {
        rest = &rest[start..];
        let end = rest.find(|c| !inside(c)).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(end);
        let call = behind.trim_start().starts_with('(');
        let number = word.starts_with(|c: char| c.is_ascii_digit());
        let keyword = KEYWORDS.contains(&word);
        if !call && !number && !keyword {
            found.push(word.to_owned());
        }
        rest = behind;
    }
    found
}

/// Without matchers, ranges, and lists of labels.
fn without_groups(query: &str) -> String {
    let mut bare = String::new();
    let mut rest = query;
    while let Some(at) = rest.find(['{', '[', '(']) {
        let (before, behind) = rest.split_at(at);
        bare.push_str(before);
        let last = before.split_whitespace().next_back().unwrap_or_default();
        let labels = behind.starts_with('(') && ["by", "on", "without", "ignoring"].contains(&last);
        if behind.starts_with('(') && !labels {
            bare.push('(');
            rest = &behind[1..];
        } else {
            let close = match behind.as_bytes()[0] {
                b'{' => '}',
                b'[' => ']',
                _ => ')',
            };
            bare.push(' ');
            rest = &behind[behind.find(close).unwrap() + 1..];
        }
    }
    bare.push_str(rest);
    bare
}

#[test]
fn what_a_rule_asks_for_is_found() {
    let query = "sum by (le, a) (rate(x_bucket{k!=\"y|z\"}[5m])) / on (a) (b:c:d > 0) and time() - min by (q) (g) > 14.4 * 0.001 or vector(0)";
    assert_eq!(metrics(query), ["x_bucket", "b:c:d", "g"]);
    let rules = rules();
    assert!(rules.len() > 30, "{rules:?}");
}
