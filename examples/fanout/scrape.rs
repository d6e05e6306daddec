//! What a worker says of itself at `/metrics`.

use std::{collections::BTreeMap, error::Error};

use crate::child::Child;

/// What it sent, by channel and how it ended.
pub(crate) async fn ended(worker: &Child) -> Result<BTreeMap<String, u64>, Box<dyn Error>> {
    let text = metrics(worker).await?;
    let ended = samples(&text, "notifications_ended_total");
    let named = ended.filter_map(|(labels, value)| {
        let channel = label(labels, "channel")?;
        let state = label(labels, "state")?;
        Some((format!("{channel} {state}"), value))
    });
    Ok(named.collect())
}

/// How many wait in each partition that it reads; Redis has one, `all`.
pub(crate) async fn lag(worker: &Child) -> Result<BTreeMap<(String, String), u64>, Box<dyn Error>> {
    let text = metrics(worker).await?;
    // The engine asks for it every 15 seconds, and the bus of Kafka with each position that it tells.
    let name = if text.contains("kafka_consumer_lag{") {
        "kafka_consumer_lag"
    } else {
        "bus_lag"
    };
    let lag = samples(&text, name).filter_map(|(labels, value)| {
        let topic = label(labels, "topic")?.to_owned();
        Some(((topic, label(labels, "partition")?.to_owned()), value))
    });
    Ok(lag.collect())
}

async fn metrics(worker: &Child) -> Result<String, Box<dyn Error>> {
    let answer = reqwest::get(worker.url("/metrics")).await?;
    Ok(answer.error_for_status()?.text().await?)
}

/// The labels and the values of a metric, in the text format of Prometheus.
fn samples<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = (&'a str, u64)> {
    text.lines().filter_map(move |line| {
        let labels = line.strip_prefix(name)?.strip_prefix('{')?;
        let (labels, value) = labels.rsplit_once("} ")?;
        let value: f64 = value.parse().ok()?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "counts are whole and not negative"
        )]
        Some((labels, value as u64))
    })
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let (_, behind) = labels.split_once(&format!("{name}=\""))?;
    behind.split_once('"').map(|(value, _)| value)
}
