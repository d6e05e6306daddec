//! A receiver of OTLP over HTTP (<https://opentelemetry.io/docs/specs/otlp/#otlphttp>), as a collector is.

#![allow(dead_code, reason = "each program of tests uses a part of it")]

use std::sync::{Arc, Mutex};

use axum::{Router, body::Bytes, http::StatusCode, routing::post};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::any_value::Value,
    trace::v1::Span,
};
use prost::Message as _;

/// What came, decoded by itself and as bytes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Collector {
    pub(crate) url: String,
    spans: Arc<Mutex<Vec<Received>>>,
    raw: Arc<Mutex<Vec<u8>>>,
}

/// A span, and the service that told of it.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) service: String,
    pub(crate) span: Span,
}

impl std::ops::Deref for Received {
    type Target = Span;

    fn deref(&self) -> &Span {
        &self.span
    }
}

impl Collector {
    pub(crate) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let collector = Self {
            url: format!("http://{}/v1/traces", listener.local_addr().unwrap()),
            ..Self::default()
        };
        let keep = collector.clone();
        let take = async move |body: Bytes| {
            let Ok(request) = ExportTraceServiceRequest::decode(body.clone()) else {
                return (StatusCode::BAD_REQUEST, Vec::new());
            };
            keep.keep(&body, request);
            let answer = ExportTraceServiceResponse::default();
            (StatusCode::OK, answer.encode_to_vec())
        };
        let router = Router::new().route("/v1/traces", post(take));
        tokio::spawn(axum::serve(listener, router).into_future());
        collector
    }

    fn keep(&self, body: &[u8], request: ExportTraceServiceRequest) {
        self.raw.lock().unwrap().extend_from_slice(body);
        for of in request.resource_spans {
            let resource = of.resource.unwrap_or_default();
            let name = resource
                .attributes
                .into_iter()
                .find(|one| one.key == "service.name");
            let name = name.and_then(|one| one.value?.value);
            let service = match name {
                Some(Value::StringValue(name)) => name,
                _ => String::new(),
            };
            let spans = of.scope_spans.into_iter().flat_map(|scope| scope.spans);
            let received = spans.map(|span| Received {
                service: service.clone(),
                span,
            });
            self.spans.lock().unwrap().extend(received);
        }
    }

    pub(crate) fn spans(&self) -> Vec<Received> {
        self.spans.lock().unwrap().clone()
    }

    /// The bytes that came, as text where they are.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.raw.lock().unwrap()).into_owned()
    }
}

/// Those with this name.
pub(crate) fn named<'a>(spans: &'a [Received], name: &str) -> Vec<&'a Received> {
    spans.iter().filter(|span| span.name == name).collect()
}

/// Whether a span is linked with another.
pub(crate) fn is_linked(span: &Span, to: &Span) -> bool {
    span.links
        .iter()
        .any(|link| link.span_id == to.span_id && link.trace_id == to.trace_id)
}
