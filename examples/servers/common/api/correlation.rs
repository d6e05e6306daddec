use axum::{extract::Request, http::HeaderName, middleware::Next, response::Response};

const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
const REQUEST: HeaderName = HeaderName::from_static("x-request-id");

/// `X-Correlation-Id` is another name of `X-Request-Id`: what a request is called in the logs of everybody who has
/// to do with it.
pub(super) async fn correlate(mut request: Request, next: Next) -> Response {
    let headers = request.headers_mut();
    if let Some(id) = headers.get(CORRELATION).cloned() {
        headers.entry(REQUEST).or_insert(id);
    }
    let mut answer = next.run(request).await;
    let headers = answer.headers_mut();
    if let Some(id) = headers.get(REQUEST).cloned() {
        headers.insert(CORRELATION, id);
    }
    answer
}
