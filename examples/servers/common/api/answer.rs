//! Answers; problems are in the form of RFC 9457.

use axum::{
    Json,
    extract::rejection::JsonRejection,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use signalbus::{EventId, PublishError};

use super::caller::Correlation;

/// When to come again while the brokers are away, in seconds.
const RETRY_AFTER: &str = "5";

pub(super) fn published(
    done: Result<EventId, PublishError>,
    correlation: &Correlation,
) -> Response {
    match done {
        Ok(id) => {
            tracing::info!(event = %id, correlation = correlation.0, "published");
            let body = json!({ "event": id.to_string(), "correlation_id": correlation.0 });
            with_correlation(
                (StatusCode::ACCEPTED, Json(body)).into_response(),
                correlation,
            )
        }
        Err(PublishError::Invalid(problem)) => {
            let detail = problem.to_string();
            told(StatusCode::UNPROCESSABLE_ENTITY, &detail, correlation)
        }
        Err(error) => {
            tracing::warn!(%error, correlation = correlation.0, "not published");
            let detail = "the brokers did not take it: try again with the same idempotency key";
            let mut answer = told(StatusCode::SERVICE_UNAVAILABLE, detail, correlation);
            let headers = answer.headers_mut();
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
            answer
        }
    }
}

pub(super) fn unreadable(problem: &JsonRejection, correlation: &Correlation) -> Response {
    told(problem.status(), &problem.body_text(), correlation)
}

pub(super) fn not_found(correlation: &Correlation) -> Response {
    let detail = "no such topic: those of the settings can be published to";
    told(StatusCode::NOT_FOUND, detail, correlation)
}

pub(super) fn unknown_caller(correlation: &Correlation) -> Response {
    let detail = "show the key of the settings as `Authorization: Bearer …`";
    told(StatusCode::UNAUTHORIZED, detail, correlation)
}

pub(super) fn too_often(correlation: &Correlation) -> Response {
    let detail = "this route was asked too often: come again when `Retry-After` says";
    told(StatusCode::TOO_MANY_REQUESTS, detail, correlation)
}

pub(super) fn limiter_away(correlation: &Correlation) -> Response {
    let detail = "how often this route was asked is not known now: try again";
    let mut answer = told(StatusCode::SERVICE_UNAVAILABLE, detail, correlation);
    let headers = answer.headers_mut();
    headers.insert(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
    answer
}

fn told(status: StatusCode, detail: &str, correlation: &Correlation) -> Response {
    let body = json!({
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": detail,
        "correlation_id": correlation.0,
    });
    let mut answer = (status, Json(body)).into_response();
    let kind = HeaderValue::from_static("application/problem+json");
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    with_correlation(answer, correlation)
}

fn with_correlation(mut answer: Response, correlation: &Correlation) -> Response {
    if let Ok(value) = HeaderValue::from_str(&correlation.0) {
        answer.headers_mut().insert("x-correlation-id", value);
    }
    answer
}
