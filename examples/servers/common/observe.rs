//! Health, readiness and metrics.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use signalbus::{Signalbus, Topic, metrics::names};
use tokio::{task::JoinSet, time::timeout};

use super::any_bus::AnyBus;

/// What can be seen of a program.
#[derive(Clone)]
pub(super) struct Observe {
    metrics: PrometheusHandle,
    bus: AnyBus,
    topics: Arc<[Topic]>,
    leaving: Arc<AtomicBool>,
    /// Where there is one: the API has none that stores and sends.
    engine: Option<Signalbus>,
}

/// Seconds of what ought to be quick: requests, calls of the store, templates.
const QUICK: [f64; 14] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// Seconds of one send.
const SEND: [f64; 11] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0,
];

/// Seconds from accepted to sent: retries take hours. The service level of the alert rules is at 60.
const END_TO_END: [f64; 14] = [
    0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3_600.0, 14_400.0,
];

/// How long the brokers may take to say whether the topics are there.
const PATIENCE: Duration = Duration::from_secs(2);

impl Observe {
    /// Records what is measured from now on; once in a process, before an engine is built.
    pub(super) fn install(bus: &AnyBus, topics: Vec<Topic>) -> Result<Self, Box<dyn Error>> {
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &QUICK)?
            .set_buckets_for_metric(Matcher::Full(names::SEND_DURATION.to_owned()), &SEND)?
            .set_buckets_for_metric(Matcher::Full(names::END_TO_END.to_owned()), &END_TO_END)?
            .install_recorder()?;
        Ok(Self {
            metrics,
            bus: bus.clone(),
            topics: topics.into(),
            leaving: Arc::default(),
            engine: None,
        })
    }

    /// Asks this engine, too, whether it is well.
    pub(super) fn watching(&self, engine: Signalbus) -> Self {
        Self {
            engine: Some(engine),
            ..self.clone()
        }
    }

    /// From now on it is not ready any more.
    pub(super) fn leave(&self) {
        self.leaving.store(true, Ordering::SeqCst);
    }

    /// `/healthz`, `/readyz` and `/metrics`.
    pub(super) fn router(&self) -> Router {
        Router::new()
            .route("/healthz", get(async || "alive\n"))
            .route("/readyz", get(ready))
            .route("/metrics", get(measured))
            .with_state(self.clone())
    }
}

/// Whether it can do its work: the brokers answer and have the topics, the engine is well and its store
/// answers, and it is not about to stop.
async fn ready(State(observe): State<Observe>) -> impl IntoResponse {
    if observe.leaving.load(Ordering::SeqCst) {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
    }
    let health = observe.engine.as_ref().map(Signalbus::health);
    if let Some(health) = health.filter(|health| !health.is_well()) {
        return (StatusCode::SERVICE_UNAVAILABLE, format!("{health}\n"));
    }
    let mut asking = JoinSet::new();
    for topic in observe.topics.iter() {
        let (bus, topic) = (observe.bus.clone(), topic.clone());
        asking.spawn(async move {
            match timeout(PATIENCE, bus.has(&topic)).await {
                Ok(Ok(())) => Ok(()),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("the brokers do not answer".to_owned()),
            }
        });
    }
    while let Some(asked) = asking.join_next().await {
        if let Ok(Err(problem)) = asked {
            return (StatusCode::SERVICE_UNAVAILABLE, format!("{problem}\n"));
        }
    }
    (StatusCode::OK, "ready\n".to_owned())
}

async fn measured(State(observe): State<Observe>) -> impl IntoResponse {
    observe.metrics.run_upkeep();
    let kind = "text/plain; version=0.0.4";
    ([(header::CONTENT_TYPE, kind)], observe.metrics.render())
}
