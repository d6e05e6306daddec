//! A real Prometheus that scrapes a real engine under load, on a real Postgres, and a real Alertmanager
//! behind it: every panel and every rule gives series, or stands in `empty.txt` with a reason.

#![cfg(test)]

mod ask;
mod queries;
mod stack;

use std::{collections::BTreeMap, time::Duration};

use ask::Prometheus;
use stack::Stack;

/// What may have no series, and why.
fn may_be_empty() -> BTreeMap<&'static str, &'static str> {
    include_str!("empty.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
        .map(|line| line.split_once(' ').expect("a metric and a reason"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_panel_and_every_rule_gives_series_and_an_alert_arrives() {
    let mut stack = Stack::start().await;
    let prometheus = Prometheus::new(stack.prometheus_url());
    // Rates need two scrapes, and records of rules are made of rates.
    prometheus.until("signalbus:slo_total:rate5m > 0").await;
    prometheus
        .until("rate(redis_commands_processed_total[1m])")
        .await;
    prometheus
        .until("rate(pg_stat_database_xact_commit[1m])")
        .await;
    prometheus
        .until("sum(increase(notification_duplicates_total[1m])) > 0")
        .await;
    prometheus.until("rate(bus_rejected_total[1m]) > 0").await;
    prometheus
        .until("sum(rate(notification_receipts_total[1m])) > 0")
        .await;

    let excused = may_be_empty();
    let mut empty = Vec::new();
    let mut asked = 0;
    for (place, query) in queries::panels().into_iter().chain(queries::rules()) {
        asked += 1;
        let excuse = excused.keys().find(|metric| names(&query, metric));
        let found = prometheus.series(&query).await.unwrap_or_else(|error| {
            panic!("{place}: {query}: {error}");
        });
        match (found, excuse) {
            (0, None) => empty.push(format!("{place}: {query}")),
            // An excuse that is not needed hides the day when it is.
            (1.., Some(metric)) if query.trim() == *metric => {
                empty.push(format!("{metric} has series: take it out of empty.txt"));
            }
            _ => {}
        }
    }
    assert!(asked > 100, "only {asked} queries");
    assert!(empty.is_empty(), "without series:\n{}", empty.join("\n"));

    // All is well but for what the load does on purpose.
    let firing = prometheus.firing().await;
    assert!(
        !firing.contains(&"SignalbusMissing".to_owned()),
        "{firing:?}"
    );

    stack.stop_the_engine();
    let arrived = stack
        .alert("SignalbusMissing", Duration::from_secs(120))
        .await;
    assert_eq!(arrived["labels"]["severity"], "page");
    assert_eq!(
        arrived["annotations"]["runbook_url"],
        "docs/runbooks/SignalbusMissing.md"
    );
    assert_eq!(arrived["status"], "firing");

    stack.start_the_engine();
    let arrived = stack
        .resolved("SignalbusMissing", Duration::from_secs(120))
        .await;
    assert_eq!(arrived["status"], "resolved");
}

/// Whether a query asks for this metric, as itself or as a part of a histogram.
fn names(query: &str, metric: &str) -> bool {
    query.match_indices(metric).any(|(at, _)| {
        let before = query[..at].chars().next_back();
        let after = &query[at + metric.len()..];
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let ends = ["_bucket", "_sum", "_count"]
            .iter()
            .any(|end| after.starts_with(end));
        !before.is_some_and(inside) && (ends || !after.chars().next().is_some_and(inside))
    })
}
