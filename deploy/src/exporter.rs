//! Metrics for Prometheus: a recorder with the buckets that rules and dashboards need, and the page
//! that it is scraped from. An application copies this; a library never installs a recorder.

use std::time::Duration;

use axum::{Router, routing::get};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use signalbus::metrics::names;

/// Seconds of what ought to be quick: calls of the store, requests, templates.
const QUICK: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Seconds of one send: providers are given up on after 30 by default.
const SEND: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0,
];

/// Seconds from accepted to sent: retries take hours. The service level is at 60.
const END_TO_END: [f64; 14] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0,
];

/// A recorder with these buckets, to install before the engine is built.
///
/// # Errors
/// Never with the buckets of this file.
pub fn builder() -> Result<PrometheusBuilder, BuildError> {
    PrometheusBuilder::new()
        .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &QUICK)?
        .set_buckets_for_metric(Matcher::Full(names::SEND_DURATION.to_owned()), &SEND)?
        .set_buckets_for_metric(Matcher::Full(names::END_TO_END.to_owned()), &END_TO_END)
}

/// `/metrics`, for Prometheus to scrape. Keep it off the internet: it tells tenants and providers.
pub fn router(handle: PrometheusHandle) -> Router {
    Router::new().route("/metrics", get(async move || handle.render()))
}

/// Moves what was recorded into the histograms, so that memory does not grow between two scrapes.
pub async fn keep_up(handle: PrometheusHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        handle.run_upkeep();
    }
}
