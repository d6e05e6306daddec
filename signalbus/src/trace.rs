//! W3C trace context: taken with an event, stored with it, linked from each attempt.

pub use signalbus_core::trace::*;

/// A span of level info, or none when nobody listens to that level. `tracing::info_span!` alone would then still
/// prepare every field for the crate `log`, in each program in which some crate asks for that feature (sqlx does).
macro_rules! span {
    ($($span:tt)+) => {
        if tracing::level_filters::LevelFilter::current() >= tracing::Level::INFO {
            tracing::info_span!($($span)+)
        } else {
            tracing::Span::none()
        }
    };
}
pub(crate) use span;

/// The trace context of the current `tracing` span, when an OpenTelemetry layer records it.
#[cfg(feature = "otel")]
#[must_use]
pub fn current() -> Option<TraceContext> {
    use opentelemetry::trace::TraceContextExt;
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    let context = tracing::Span::current().context();
    let span = context.span();
    let span = span.span_context();
    if !span.is_valid() {
        return None;
    }
    let flags = span.trace_flags().to_u8();
    let traceparent = format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id());
    TraceContext::new(&traceparent, Some(&span.trace_state().header())).ok()
}

/// Links a span with a trace, if an OpenTelemetry layer records it.
#[cfg(feature = "otel")]
pub(crate) fn link(span: &tracing::Span, to: &TraceContext) {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
    use tracing_opentelemetry::OpenTelemetrySpanExt;

    let mut parts = to.traceparent().split('-').skip(1);
    let mut part = || parts.next().unwrap_or_default();
    let (Ok(trace), Ok(parent), Ok(flags)) = (
        TraceId::from_hex(part()),
        SpanId::from_hex(part()),
        u8::from_str_radix(part(), 16),
    ) else {
        return;
    };
    let state = to.tracestate().and_then(|state| state.parse().ok());
    let state: TraceState = state.unwrap_or_default();
    let remote = true;
    let flags = TraceFlags::new(flags);
    span.add_link(SpanContext::new(trace, parent, flags, remote, state));
}
