//! A real Prometheus that scrapes what the example `fanout` starts, and an engine whose provider fails now
//! and then, under load, on a real Kafka and Postgres, and a real Alertmanager behind it: every panel and every rule gives series, or stands in `empty.txt` with a reason.

#![cfg(test)]

mod ask;
#[path = "../exposition/mod.rs"]
mod exposition;
#[path = "../fanout/mod.rs"]
mod fanout;
mod queries;
mod stack;

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

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
        .until("sum(rate(http_rate_limit_rejections_total[1m])) > 0")
        .await;
    prometheus
        .until("sum(rate(kafka_commit_latency_seconds_count{target=\"broker\"}[1m])) > 0")
        .await;
    prometheus
        .until("sum(rate(notification_receipts_total[1m])) > 0")
        .await;

    the_servers_tell_what_the_reference_says(&stack).await;
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

/// The pages of the three servers, with Kafka, against `docs/metrics.md`.
async fn the_servers_tell_what_the_reference_says(stack: &Stack) {
    let reference = exposition::reference();
    let mut told = BTreeSet::new();
    for page in stack.pages().await {
        for (name, line) in exposition::exposition(&page) {
            assert_eq!(Some(&line), reference.get(&name), "{name}");
            told.insert(name);
        }
    }
    for name in exposition::elsewhere() {
        // No limiter is shared here.
        let is_told = told.contains(&name) || name.starts_with("limiter_");
        assert!(is_told, "{name} is in docs/metrics.md, and nobody tells it");
    }
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
