//! The rules of Grafana's dashboard-linter (<https://github.com/grafana/dashboard-linter>, read in
//! November 2026), written down again: that one is in Go, and does not know our metrics.

#![cfg(test)]

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

fn dashboards() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("grafana/dashboards");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let json = serde_json::from_str(&fs::read_to_string(&path).unwrap());
        found.push((name, json.unwrap()));
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

/// What is wrong with one dashboard.
fn lint(name: &str, dashboard: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let variables = list(&dashboard["templating"], "list");
    let variable = |wanted: &str| {
        variables
            .iter()
            .find(|variable| text(variable, "name") == wanted)
    };
    match variable("datasource") {
        Some(source)
            if text(source, "type") == "datasource" && text(source, "query") == "prometheus" =>
        {
            if text(source, "label") != "Data source" {
                wrong.push("template-datasource: the label is not `Data source`".to_owned());
            }
        }
        _ => wrong.push("template-datasource: no variable `datasource` for Prometheus".to_owned()),
    }
    for wanted in ["job", "instance"] {
        let rule = format!("template-{wanted}");
        let Some(found) = variable(wanted) else {
            wrong.push(format!("{rule}: no such variable"));
            continue;
        };
        let source = text(&found["datasource"], "uid");
        let upper = text(found, "label")
            .chars()
            .next()
            .is_some_and(char::is_uppercase);
        let several = found["multi"] == true && found["includeAll"] == true;
        if source != "$datasource" || !upper || !several || text(found, "allValue") != ".+" {
            wrong.push(format!(
                "{rule}: not from $datasource, without a label, or not for several"
            ));
        }
        if found["refresh"] != 2 {
            wrong.push(format!("template-on-time-change-reload: {wanted}"));
        }
        if !text(found, "definition").contains("label_values(") {
            wrong.push(format!("template-label-promql: {wanted}"));
        }
    }
    if dashboard["editable"] != false {
        wrong.push(
            "uneditable-dashboard: what is changed by hand is lost with the next start".to_owned(),
        );
    }
    if text(dashboard, "uid") != name.trim_end_matches(".json")
        || text(dashboard, "description").is_empty()
    {
        wrong.push("dashboard: uid is not the name of the file, or no description".to_owned());
    }
    let mut ids = BTreeSet::new();
    for panel in list(dashboard, "panels") {
        let title = text(panel, "title");
        if !ids.insert(panel["id"].as_i64()) {
            wrong.push(format!("panel {title}: its id is another's"));
        }
        if title.is_empty() || text(panel, "description").is_empty() {
            wrong.push(format!("panel-title-description: {title:?}"));
        }
        if text(&panel["fieldConfig"]["defaults"], "unit").is_empty() {
            wrong.push(format!("panel-units: {title}"));
        }
        if text(&panel["datasource"], "uid") != "$datasource" {
            wrong.push(format!("panel-datasource: {title}"));
        }
        let targets = list(panel, "targets");
        if targets.is_empty() {
            wrong.push(format!("panel-no-targets: {title}"));
        }
        for target in targets {
            wrong.extend(lint_target(title, target));
        }
        wrong.extend(lint_place(title, &panel["gridPos"]));
    }
    wrong
}

/// The names of series that a query selects, with their matchers.
fn selectors(query: &str) -> Vec<&str> {
    query
        .match_indices('{')
        .map(|(brace, _)| {
            let name = query[..brace]
                .rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':'))
                .map_or(0, |before| before + 1);
            let end = query[brace..]
                .find('}')
                .map_or(query.len(), |end| brace + end + 1);
            &query[name..end]
        })
        .collect()
}

fn lint_target(title: &str, target: &Value) -> Vec<String> {
    let mut wrong = Vec::new();
    let query = text(target, "expr");
    let mut say = |rule: &str| wrong.push(format!("{rule}: {title}: {query}"));
    if text(target, "legendFormat").is_empty()
        || text(&target["datasource"], "uid") != "$datasource"
    {
        say("target: no legend, or another data source");
    }
    // A record of rules has no job: it is made of all of them.
    let of_rules = query.contains("signalbus:");
    if !of_rules && selectors(query).is_empty() {
        say("target-promql");
    }
    for selector in selectors(query) {
        if !selector.contains("job=~\"$job\"") {
            say("target-job");
        }
        if !selector.contains("instance=~\"$instance\"") {
            say("target-instance");
        }
        let name = selector.split('{').next().unwrap_or_default();
        let counter = ["_total", "_bucket", "_sum", "_count"]
            .iter()
            .any(|end| name.ends_with(end));
        // The exporter of Postgres has gauges that end like counters of a histogram.
        let exported = name.starts_with("pg_");
        let rated = query.contains(&format!("rate({selector}["));
        if counter && !rated && !exported {
            say("target-counter-agg");
        }
    }
    for (at, _) in query.match_indices('[') {
        if !query[at..].starts_with("[$__rate_interval]") {
            say("target-rate-interval");
        }
    }
    wrong
}

fn lint_place(title: &str, place: &Value) -> Option<String> {
    let number = |key: &str| place[key].as_u64().unwrap_or(99);
    let fits = number("x") + number("w") <= 24 && number("h") > 0;
    (!fits).then(|| format!("panel {title}: does not fit on the page"))
}

#[test]
fn dashboards_keep_the_rules_of_the_linter() {
    let dashboards = dashboards();
    let names: Vec<&str> = dashboards.iter().map(|(name, _)| name.as_str()).collect();
    let wanted = [
        "api",
        "kafka",
        "overview",
        "postgres",
        "providers",
        "receipts",
        "redis",
    ];
    assert_eq!(names, wanted.map(|name| format!("signalbus-{name}.json")));
    for (name, dashboard) in &dashboards {
        let wrong = lint(name, dashboard);
        assert!(wrong.is_empty(), "{name}:\n{}", wrong.join("\n"));
    }
}

#[test]
fn the_linter_finds_what_it_looks_for() {
    type Break = fn(&mut Value);
    let breaks: [(&str, Break); 14] = [
        ("template-datasource", |d| {
            d["templating"]["list"][0]["query"] = "loki".into()
        }),
        ("template-job", |d| {
            d["templating"]["list"][1]["multi"] = false.into()
        }),
        ("template-instance", |d| {
            d["templating"]["list"][2]["allValue"] = "".into()
        }),
        ("template-on-time-change", |d| {
            d["templating"]["list"][1]["refresh"] = 1.into()
        }),
        ("uneditable", |d| d["editable"] = true.into()),
        ("dashboard: uid", |d| d["uid"] = "other".into()),
        ("panel-title-description", |d| {
            d["panels"][0]["description"] = "".into()
        }),
        ("panel-units", |d| {
            d["panels"][0]["fieldConfig"]["defaults"]["unit"] = "".into()
        }),
        ("panel-datasource", |d| {
            d["panels"][0]["datasource"]["uid"] = "p1".into()
        }),
        ("panel-no-targets", |d| {
            d["panels"][0]["targets"] = Value::Array(Vec::new())
        }),
        ("target-job", |d| set(d, "sum(a{instance=~\"$instance\"})")),
        ("target-instance", |d| set(d, "sum(a{job=~\"$job\"})")),
        ("target-counter-agg", |d| {
            set(d, "sum(a_total{job=~\"$job\", instance=~\"$instance\"})")
        }),
        ("target-rate-interval", |d| {
            set(
                d,
                "sum(rate(a_total{job=~\"$job\", instance=~\"$instance\"}[5m]))",
            );
        }),
    ];
    let (name, good) = dashboards().remove(2);
    for (rule, spoil) in breaks {
        let mut bad = good.clone();
        spoil(&mut bad);
        let wrong = lint(&name, &bad);
        assert!(
            wrong.iter().any(|wrong| wrong.starts_with(rule)),
            "{rule}: {wrong:?}"
        );
    }
}

fn set(dashboard: &mut Value, query: &str) {
    dashboard["panels"][0]["targets"][0]["expr"] = query.into();
}
