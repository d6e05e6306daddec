use std::time::Duration;

use http::Method;

/// Tells the recorder of the host what the metrics mean. Buckets are the host's choice; those of
/// `http_request_duration_seconds` want to be 0.005 to 10 seconds.
pub(crate) fn describe() {
    metrics::describe_counter!(
        "http_requests_total",
        "Requests, by route, method and status."
    );
    metrics::describe_histogram!(
        "http_request_duration_seconds",
        metrics::Unit::Seconds,
        "How long answers took, by route and method."
    );
    metrics::describe_counter!(
        "http_errors_total",
        "Answers with a status of 400 or more, by route, method and status."
    );
    metrics::describe_counter!(
        "http_rate_limit_rejections_total",
        "Requests that came too often, by route and by what was used up."
    );
}

/// One request was answered.
pub(super) fn answered(route: &str, method: &Method, status: u16, took: Duration) {
    let method = known(method);
    let (route, code) = (route.to_owned(), status.to_string());
    metrics::histogram!("http_request_duration_seconds", "route" => route.clone(), "method" => method)
        .record(took.as_secs_f64());
    metrics::counter!("http_requests_total", "route" => route.clone(), "method" => method, "code" => code.clone())
        .increment(1);
    if status >= 400 {
        metrics::counter!("http_errors_total", "route" => route, "method" => method, "code" => code)
            .increment(1);
    }
}

/// A request came too often for what is named.
pub(crate) fn rejected(route: &str, scope: &'static str) {
    metrics::counter!("http_rate_limit_rejections_total", "route" => route.to_owned(), "scope" => scope)
        .increment(1);
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
