//! Around every request: a span, and the numbers.

use std::time::Instant;

use axum::{
    extract::{MatchedPath, Request},
    http::{HeaderMap, Method},
    middleware::Next,
    response::Response,
};
use metrics::{counter, describe_counter, describe_histogram, histogram};
use opentelemetry::trace::TraceContextExt as _;
use signalbus::TraceContext;
use tracing::Instrument as _;
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

const REQUESTS: &str = "http_requests_total";
const ERRORS: &str = "http_errors_total";
const DURATION: &str = "http_request_duration_seconds";
const REJECTIONS: &str = "http_rate_limit_rejections_total";

/// Says what they mean; they are the same as those of `signalbus::http`.
pub(super) fn describe() {
    describe_counter!(REQUESTS, "Requests, by route, method and status.");
    describe_counter!(
        ERRORS,
        "Answers with a status of 400 or more, by route, method and status."
    );
    describe_histogram!(
        DURATION,
        metrics::Unit::Seconds,
        "How long answers took, by route and method."
    );
    describe_counter!(
        REJECTIONS,
        "Requests that came too often, by route and by what was used up."
    );
}

/// A span around the request, which goes on with the trace of the caller, and its numbers.
pub(super) async fn attend(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = known(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let span = tracing::info_span!(
        "request",
        otel.kind = "server",
        http.route = route,
        http.request.method = method,
        http.response.status_code = tracing::field::Empty,
        trace.id = tracing::field::Empty,
    );
    let caller = trace_of(request.headers());
    if let Some(caller) = &caller {
        follow(&span, caller);
    }
    // So that lines of the log can be found by it.
    if let Some(trace) = span.in_scope(signalbus::trace::current).or(caller) {
        span.record("trace.id", trace.traceparent().split('-').nth(1));
    }
    let response = next.run(request).instrument(span.clone()).await;
    let status = response.status().as_u16();
    span.record("http.response.status_code", status);
    let took = began.elapsed().as_secs_f64();
    histogram!(DURATION, "route" => route.clone(), "method" => method).record(took);
    let code = status.to_string();
    counter!(REQUESTS, "route" => route.clone(), "method" => method, "code" => code.clone())
        .increment(1);
    if status >= 400 {
        counter!(ERRORS, "route" => route, "method" => method, "code" => code).increment(1);
    }
    response
}

/// A request came too often.
pub(super) fn rejected(route: &str) {
    counter!(REJECTIONS, "route" => route.to_owned(), "scope" => "key").increment(1);
}

/// The trace of the caller, if it is one (W3C Trace Context).
pub(super) fn trace_of(headers: &HeaderMap) -> Option<TraceContext> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    TraceContext::new(text("traceparent")?, text("tracestate")).ok()
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

/// A method is any word that a client thinks of.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}
