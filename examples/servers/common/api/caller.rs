use axum::{
    extract::{Request, State},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};
use subtle::ConstantTimeEq;

use super::{Api, answer::unknown_caller};

/// What a request is called in the logs of everybody who has to do with it.
#[derive(Debug, Clone)]
pub(super) struct Correlation(pub(super) String);

const HEADER: &str = "x-correlation-id";

/// Lets a request through whose caller has the key.
pub(super) async fn check(State(api): State<Api>, mut request: Request, next: Next) -> Response {
    let correlation = correlation(request.headers());
    if !has_key(request.headers(), &api.key) {
        return unknown_caller(&correlation);
    }
    request.extensions_mut().insert(correlation);
    next.run(request).await
}

fn has_key(headers: &HeaderMap, key: &str) -> bool {
    let shown = headers.get("authorization").map(|value| value.as_bytes());
    let shown = shown.and_then(|value| value.strip_prefix(b"Bearer "));
    shown.is_some_and(|shown| bool::from(shown.ct_eq(key.as_bytes())))
}

/// That of the caller when it can be written into a log, otherwise a new one.
fn correlation(headers: &HeaderMap) -> Correlation {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
    let fine = |id: &&str| {
        let letters = |letter: char| letter.is_ascii_alphanumeric() || "-_.:/".contains(letter);
        !id.is_empty() && id.len() <= 128 && id.chars().all(letters)
    };
    Correlation(given.filter(fine).map_or_else(new, str::to_owned))
}

fn new() -> String {
    let number: u128 = rand::random();
    format!("{number:032x}")
}
