//! A span around every request, which goes on with the trace of the caller.

use axum::{
    extract::Request,
    http::{HeaderMap, HeaderValue},
    middleware::Next,
    response::Response,
};
use opentelemetry::trace::TraceContextExt as _;
use signalbus::TraceContext;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const PARENT: &str = "traceparent";

/// What is behind takes the span for the caller's, so that events are linked with it.
pub(super) async fn attend(mut request: Request, next: Next) -> Response {
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        http.response.status_code = tracing::field::Empty,
        trace.id = tracing::field::Empty,
    );
    let caller = trace_of(request.headers());
    if let Some(caller) = &caller {
        follow(&span, caller);
    }
    let own = span.in_scope(signalbus::trace::current);
    // So that lines of the log can be found by it.
    if let Some(trace) = own.as_ref().or(caller.as_ref()) {
        span.record("trace.id", trace.traceparent().split('-').nth(1));
    }
    if let Some(own) = own
        && let Ok(parent) = HeaderValue::try_from(own.traceparent())
    {
        request.headers_mut().insert(PARENT, parent);
    }
    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    response
}

/// The trace of the caller, if it is one (W3C Trace Context).
fn trace_of(headers: &HeaderMap) -> Option<TraceContext> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    TraceContext::new(text(PARENT)?, text("tracestate")).ok()
}

/// Makes the caller's span the parent.
fn follow(span: &tracing::Span, caller: &TraceContext) {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

    let mut parts = caller.traceparent().split('-').skip(1);
    let mut part = || parts.next().unwrap_or_default();
    let (Ok(trace), Ok(parent), Ok(flags)) = (
        TraceId::from_hex(part()),
        SpanId::from_hex(part()),
        u8::from_str_radix(part(), 16),
    ) else {
        return;
    };
    let state: Option<TraceState> = caller.tracestate().and_then(|state| state.parse().ok());
    let flags = TraceFlags::new(flags);
    let remote = SpanContext::new(trace, parent, flags, true, state.unwrap_or_default());
    let context = opentelemetry::Context::new().with_remote_span_context(remote);
    // Refused only where nobody records spans.
    let _ = span.set_parent(context);
}
