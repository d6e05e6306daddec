//! Traces as they arrive: a real exporter of OpenTelemetry, over HTTP, at a receiver that decodes OTLP
//! by itself. And nothing of what people are told, or where, is in any span or log line.

#![cfg(test)]

mod otlp;

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
    time::Duration,
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_sdk::trace::SdkTracerProvider;
use otlp::{Collector, Received, named};
use signalbus::{
    Attachment, ChannelSetup, Event, Idempotency, MemoryStore, Policy, Provider, Recipient,
    RetryPolicy, Signalbus, Templates, async_trait,
    channel::Email,
    provider::{Delivery, Fault, SendError, Sent},
};
use tracing::Instrument as _;
use tracing_subscriber::{
    Layer as _, filter::LevelFilter, fmt::MakeWriter, layer::SubscriberExt as _,
};

/// Each stands in one place of an event, and in no span or log line.
const CANARIES: [&str; 8] = [
    "canary-address",
    "canary-name",
    "canary-person",
    "canary-data",
    "canary-template",
    "canary-file",
    "canary-bytes",
    "canary-key",
];

/// Fails once, refuses one for good, and logs on its way.
#[derive(Debug, Default)]
struct Talkative(std::sync::atomic::AtomicU32);

#[async_trait]
impl Provider<Email> for Talkative {
    fn name(&self) -> &str {
        "talkative"
    }

    async fn send(&self, delivery: Delivery<'_, Email>) -> Result<Sent, SendError> {
        tracing::info!("knocking");
        assert!(
            delivery.message.subject.contains("canary-template"),
            "the canary sings"
        );
        match self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
            0 => Err(SendError::retryable(Fault::Provider, "busy")),
            1 => Ok(Sent::with_id("message-1")),
            _ => Err(SendError::permanent(Fault::Recipient, "no such mailbox").with_code("550")),
        }
    }
}

/// The exporter of a program: batches, on a thread of its own.
fn exporter(url: String) -> SdkTracerProvider {
    let client = std::thread::spawn(|| {
        // Another crate of the workspace may have switched TLS on, and then a client wants one.
        drop(rustls::crypto::ring::default_provider().install_default());
        reqwest::blocking::Client::builder()
            .no_proxy()
            .build()
            .unwrap()
    });
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(client.join().unwrap())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url)
        .build()
        .unwrap();
    SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build()
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

fn engine() -> Signalbus {
    let templates = Templates::embedded(&[
        ("note/en/subject.txt", "canary-template {{ data.secret }}"),
        (
            "note/en/body.txt",
            "Dear {{ recipient.name }}: {{ data.secret }}",
        ),
        ("note2/en/subject.txt", "canary-template {{ data.secret }}"),
        ("note2/en/body.txt", "{{ data.secret }}"),
        ("broken/en/subject.txt", "canary-template {{ data.secret }}"),
        (
            "broken/en/body.txt",
            "{{ data.secret.canary }}{{ data.missing.more }}",
        ),
    ]);
    let tenth = Duration::from_millis(100);
    let retry = RetryPolicy::default().with_waits(tenth, tenth, tenth);
    let setup = ChannelSetup::new(
        Email::from("hello@acme.test").unwrap(),
        Talkative::default(),
    );
    Signalbus::builder()
        .store(MemoryStore::new())
        .channel_setup(setup.retry(retry))
        .templates(templates.unwrap())
        .policy(Policy::new().on::<Email>("*"))
        .build()
        .unwrap()
}

fn event(topic: &str) -> Event {
    let person = Recipient::new()
        .id("canary-person")
        .name("canary-name")
        .email("canary-address@example.org");
    let file = Attachment::new("canary-file.txt", "text/plain", b"canary-bytes".to_vec());
    Event::new(topic, Idempotency::key(format!("canary-key-{topic}")))
        .to(person)
        .data(serde_json::json!({ "secret": "canary-data" }))
        .attach(file)
}

async fn work(engine: &Signalbus) {
    let request = tracing::info_span!("request");
    engine
        .publish(event("note"))
        .instrument(request)
        .await
        .unwrap();
    engine.start();
    engine.idle_within(Duration::from_secs(1)).await;
    // One that is refused, one that cannot be rendered, and one that is not accepted.
    engine.publish(event("note2")).await.unwrap();
    engine.publish(event("broken")).await.unwrap();
    let mut wrong = event("wrong");
    wrong.to[0]
        .addresses
        .insert("email".to_owned(), "canary-address at nowhere".into());
    engine.publish(wrong).await.unwrap();
    let conflict = event("note").data(serde_json::json!({ "secret": "canary-data-2" }));
    engine.publish(conflict).await.unwrap();
    engine.idle_within(Duration::from_secs(1)).await;
    engine.shutdown().await;
}

fn attribute(span: &Span, key: &str) -> Option<String> {
    let found = span
        .attributes
        .iter()
        .find(|attribute| attribute.key == key)?;
    Some(format!("{:?}", found.value))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_arrives_at_a_receiver_and_tells_nobodys_secrets() {
    let collector = Collector::start().await;
    let tracers = exporter(collector.url.clone());
    let log = Log::default();
    let lines = tracing_subscriber::fmt::layer()
        .json()
        .with_span_list(true)
        .with_writer(log.clone())
        .with_filter(LevelFilter::TRACE);
    // What a program would ask for: its own spans and ours, not those of its HTTP client.
    let of_signalbus = tracing_subscriber::filter::filter_fn(|metadata| {
        ["signalbus", "traces"]
            .iter()
            .any(|target| metadata.target().starts_with(target))
    });
    let spans = tracing_opentelemetry::layer()
        .with_tracer(tracers.tracer("signalbus"))
        .with_filter(of_signalbus);
    let subscriber = tracing_subscriber::registry().with(lines).with(spans);
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let engine = engine();
    work(&engine).await;
    tokio::task::spawn_blocking(move || tracers.shutdown())
        .await
        .unwrap()
        .unwrap();

    let spans = collector.spans();
    let request = named(&spans, "request")[0];
    let creates = named(&spans, "create");
    let create = creates
        .iter()
        .find(|span| span.parent_span_id == request.span_id);
    let create = create.expect("publishing is a part of the request");
    assert_eq!(create.trace_id, request.trace_id);
    assert_eq!(create.kind, 4, "a producer");
    // Each attempt is a trace of its own that is linked with the publishing.
    let linked = |span: &&&Received| {
        let links = span.links.iter();
        links
            .filter(|link| link.span_id == create.span_id && link.trace_id == create.trace_id)
            .count()
            == 1
    };
    let processes = named(&spans, "process");
    let attempts: Vec<&&Received> = processes.iter().filter(linked).collect();
    assert_eq!(attempts.len(), 2, "one that failed, and one that was taken");
    assert_ne!(attempts[0].trace_id, attempts[1].trace_id);
    for attempt in &attempts {
        assert_ne!(attempt.trace_id, create.trace_id);
        assert_eq!(attempt.kind, 5, "a consumer");
        assert!(attribute(attempt, "delivery.id").is_some());
        let below = |name: &str| {
            let of_it = named(&spans, name).into_iter();
            of_it
                .filter(|span| span.parent_span_id == attempt.span_id)
                .count()
        };
        assert_eq!(below("send"), 1);
    }
    let sends = named(&spans, "send");
    assert!(sends.iter().all(|send| send.kind == 3), "a client");
    let failed = sends
        .iter()
        .filter(|send| attribute(send, "error.type").is_some());
    assert_eq!(failed.count(), sends.len() - 1);
    // A message that is kept is not rendered again.
    let rendered = named(&spans, "render");
    let first = rendered
        .iter()
        .filter(|span| attempts.iter().any(|a| a.span_id == span.parent_span_id));
    assert_eq!(first.count(), 1);

    let raw = collector.raw();
    let lines = log.0.lock().unwrap().clone();
    let lines = String::from_utf8_lossy(&lines);
    assert!(raw.contains("talkative") && lines.contains("knocking"));
    for canary in CANARIES {
        assert!(!raw.contains(canary), "{canary} is in a span");
        let line = lines.lines().find(|line| line.contains(canary));
        assert!(line.is_none(), "{canary} is in the log: {line:?}");
    }
    for line in lines.lines() {
        let json: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(json.is_ok(), "a line that is no JSON: {line}");
    }
}
