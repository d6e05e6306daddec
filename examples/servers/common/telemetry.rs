//! Logs, and spans for whoever collects them over OTLP.

use std::{error::Error, str::FromStr};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{Protocol, WithExportConfig as _, WithHttpConfig as _};
use opentelemetry_sdk::{Resource, trace::SdkTracerProvider};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::{
    Layer, filter::LevelFilter, filter::filter_fn, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

/// How lines of the log look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LogFormat {
    /// For people.
    Text,
    /// A JSON object each.
    Json,
}

impl FromStr for LogFormat {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err("is none of text and json"),
        }
    }
}

/// What is logged, and where spans go.
pub(super) struct Telemetry {
    pub(super) log: LevelFilter,
    pub(super) format: LogFormat,
    /// Where spans go, over OTLP/HTTP; nowhere unless set.
    pub(super) otlp: Option<String>,
}

/// What has to be ended, so that the last spans are sent.
pub(super) struct Tracers(Option<SdkTracerProvider>);

impl Telemetry {
    /// Logs and records from now on. Call it outside of a runtime: the exporter has a thread of its own.
    pub(super) fn install(&self, service: &'static str) -> Result<Tracers, Box<dyn Error>> {
        let tracers = self.otlp.as_deref().map(|url| exporter(url, service));
        let tracers = tracers.transpose()?;
        let spans = tracers.as_ref().map(|tracers| {
            let layer = tracing_opentelemetry::layer().with_tracer(tracers.tracer("signalbus"));
            // Not those of clients and drivers: an exporter would tell of its own exports.
            layer.with_filter(filter_fn(|metadata| {
                metadata.is_span() && is_ours(metadata)
            }))
        });
        tracing_subscriber::registry()
            .with(self.lines())
            .with(spans)
            .init();
        Ok(Tracers(tracers))
    }

    /// Lines carry the ids of the spans that they are written in, whatever their level.
    fn lines<S: Subscriber + for<'a> LookupSpan<'a>>(&self) -> Box<dyn Layer<S> + Send + Sync> {
        let most = self.log;
        let wanted = filter_fn(move |metadata| {
            if metadata.is_span() {
                is_ours(metadata)
            } else {
                // What its errors mean to us, our own lines say.
                let client = metadata.target().starts_with("rskafka") && most < LevelFilter::DEBUG;
                *metadata.level() <= most && !client
            }
        });
        let layer = tracing_subscriber::fmt::layer()
            .with_writer(std::io::stderr)
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
        match self.format {
            LogFormat::Text => layer.with_filter(wanted).boxed(),
            LogFormat::Json => layer.json().flatten_event(true).with_filter(wanted).boxed(),
        }
    }
}

impl Drop for Tracers {
    fn drop(&mut self) {
        if let Some(tracers) = self.0.take()
            && let Err(error) = tracers.shutdown()
        {
            tracing::warn!(%error, "the last spans were not sent");
        }
    }
}

fn is_ours(metadata: &Metadata<'_>) -> bool {
    metadata.target().starts_with("signalbus")
}

fn exporter(url: &str, service: &'static str) -> Result<SdkTracerProvider, Box<dyn Error>> {
    // A client of HTTP asks for one, whether anything is encrypted or not.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_http_client(reqwest::blocking::Client::new())
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(url)
        .build()?;
    let resource = Resource::builder().with_service_name(service).build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource)
        .build())
}
