//! The trace of whoever published, under a real OpenTelemetry layer: stored with the event, given to
//! the provider, linked from each attempt.

#![cfg(test)]

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracerProvider, SpanData};
use signalbus::{
    Event, Idempotency, MemoryStore, Policy, Provider, Recipient, Signalbus, Store, Templates,
    TraceContext,
    channel::Email,
    provider::{Delivery, SendError, Sent},
};
use tracing::Instrument;
use tracing_subscriber::layer::SubscriberExt;

const OTHER: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// Remembers the trace of every delivery.
#[derive(Debug, Clone, Default)]
struct Witness(Arc<Mutex<Vec<Option<TraceContext>>>>);

#[async_trait]
impl Provider<Email> for Witness {
    fn name(&self) -> &str {
        "witness"
    }

    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        self.0.lock().unwrap().push(delivery.trace.cloned());
        Ok(Sent::new())
    }
}

fn engine(store: &Arc<dyn Store>, witness: &Witness) -> Signalbus {
    let subject = ("note/en/subject.txt", "Hello");
    let body = ("note/en/body.txt", "Hello");
    Signalbus::builder()
        .shared_store(Arc::clone(store))
        .channel(Email::from("hello@acme.test").unwrap(), witness.clone())
        .templates(Templates::embedded(&[subject, body]).unwrap())
        .policy(Policy::new().on::<Email>("note"))
        .build()
        .unwrap()
}

fn note() -> Event {
    Event::new("note", Idempotency::None).to(Recipient::new().email("ada@example.org"))
}

/// Publishes in a span `request`, sends it from another handle outside of the span, and gives back
/// what the provider was told with all spans that were recorded.
async fn observe(event: Event) -> (Option<TraceContext>, Vec<SpanData>) {
    let exporter = InMemorySpanExporter::default();
    let tracers = SdkTracerProvider::builder()
        .with_simple_exporter(exporter.clone())
        .build();
    let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer("test"));
    let subscriber = tracing_subscriber::registry().with(layer);
    let _recording = tracing::subscriber::set_default(subscriber);

    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let witness = Witness::default();
    // This one never starts: what the other one knows, it has from the store.
    let publisher = engine(&store, &witness);
    let request = tracing::info_span!("request");
    let published = publisher.publish(event).instrument(request).await;
    published.unwrap();

    let sender = engine(&store, &witness);
    sender.start();
    sender.idle().await;
    sender.shutdown().await;
    let mut told = witness.0.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "one request");
    (told.remove(0), exporter.get_finished_spans().unwrap())
}

fn span<'a>(spans: &'a [SpanData], name: &str) -> &'a SpanData {
    spans.iter().find(|span| span.name == name).unwrap()
}

#[tokio::test]
async fn an_event_carries_the_trace_of_the_span_it_was_published_in() {
    let (told, spans) = observe(note()).await;
    let (request, create) = (span(&spans, "request"), span(&spans, "create"));
    assert_eq!(create.parent_span_id, request.span_context.span_id());
    let request = &create.span_context;
    let parent = |of: &SpanData| {
        let context = &of.span_context;
        format!("00-{}-{}-01", context.trace_id(), context.span_id())
    };
    // What the provider passes on is a part of its own attempt.
    let own = parent(span(&spans, "send"));
    assert_eq!(told.as_ref().map(TraceContext::traceparent), Some(&*own));
    let expected = parent(create);
    let attempt = span(&spans, "process");
    let link = KeyValue::new("trace.link", expected);
    assert!(attempt.attributes.contains(&link), "{attempt:?}");
    let linked: Vec<_> = attempt
        .links
        .iter()
        .map(|link| &link.span_context)
        .collect();
    // With whoever published it, and with the claim that gave it to this worker, among others perhaps.
    let claim = &span(&spans, "claim").span_context;
    let expected = [request, claim].map(|of| (of.trace_id(), of.span_id()));
    let linked: Vec<_> = linked
        .iter()
        .map(|of| (of.trace_id(), of.span_id()))
        .collect();
    assert_eq!(linked, expected);
    assert_ne!(
        attempt.span_context.trace_id(),
        request.trace_id(),
        "an attempt is linked with the request, and no part of it"
    );
    for part in ["render", "send"] {
        assert_eq!(
            span(&spans, part).parent_span_id,
            attempt.span_context.span_id(),
            "{part}"
        );
    }
}

#[tokio::test]
async fn a_trace_that_an_event_brings_is_kept() {
    let brought = TraceContext::new(OTHER, Some("vendor=1")).unwrap();
    let (told, spans) = observe(note().trace(brought.clone())).await;
    assert_ne!(
        told,
        Some(brought),
        "what is passed on is a part of the attempt"
    );
    let attempt = span(&spans, "process");
    let link = KeyValue::new("trace.link", OTHER);
    assert!(attempt.attributes.contains(&link), "{attempt:?}");
    let linked = &attempt.links.iter().next().unwrap().span_context;
    let context = format!("00-{}-{}-01", linked.trace_id(), linked.span_id());
    assert_eq!(
        (&*context, &*linked.trace_state().header()),
        (OTHER, "vendor=1")
    );
}

#[tokio::test]
async fn without_a_layer_there_is_no_trace() {
    let request = tracing::info_span!("request");
    assert_eq!(request.in_scope(signalbus::trace::current), None);
}
