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
use signalbus::Topic;
use tokio::{task::JoinSet, time::timeout};

use super::any_bus::AnyBus;

/// What can be seen of a program.
#[derive(Clone)]
pub(super) struct Observe {
    metrics: PrometheusHandle,
    bus: AnyBus,
    topics: Arc<[Topic]>,
    leaving: Arc<AtomicBool>,
}

/// How long the brokers may take to say whether the topics are there.
const PATIENCE: Duration = Duration::from_secs(2);

impl Observe {
    /// Records what is measured from now on; once in a process, before an engine is built.
    pub(super) fn install(bus: &AnyBus, topics: Vec<Topic>) -> Result<Self, Box<dyn Error>> {
        let seconds = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0];
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), &seconds)?
            .install_recorder()?;
        Ok(Self {
            metrics,
            bus: bus.clone(),
            topics: topics.into(),
            leaving: Arc::default(),
        })
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

/// Whether it can do its work: the brokers answer and have the topics, and it is not about to stop.
async fn ready(State(observe): State<Observe>) -> impl IntoResponse {
    if observe.leaving.load(Ordering::SeqCst) {
        return (StatusCode::SERVICE_UNAVAILABLE, "stopping\n".to_owned());
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
