//! Two servers that share a Postgres database and nothing else: in one process, and in two.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod processes;

use std::sync::Arc;

use axum::{Router, body::Body};
use http::{Request, StatusCode};
use serde_json::Value;
use signalbus::{Policy, Signalbus, channel::Email};
use signalbus_core::directory::{
    Owner,
    keys::{NewKey, Pepper, Scope},
};
use signalbus_http::Api;
use signalbus_postgres::PostgresStore;
use signalbus_testkit::provider::RecordingProvider;
use tower::ServiceExt;

async fn server(schema: &str) -> (Api, PostgresStore) {
    let url = signalbus_servers::url(signalbus_servers::POSTGRES_URL)
        .unwrap_or_else(|error| panic!("{error}"));
    let store = PostgresStore::from_url(&url).unwrap().schema(schema);
    let store = store.open().await.unwrap();
    let signalbus = Signalbus::builder()
        .store(store.clone())
        .channel(
            Email::from("hello@acme.example").unwrap(),
            RecordingProvider::<Email>::new(),
        )
        .policy(Policy::new().on::<Email>("*"))
        .build()
        .unwrap();
    let api = Api::new(signalbus, Arc::new(store.clone()), Pepper::new([7; 32]));
    (api, store)
}

async fn ask(router: &Router, method: &str, path: &str, key: &str) -> (StatusCode, Value) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"));
    let request = request.body(Body::empty()).unwrap();
    let answer = router.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&bytes).unwrap_or_default())
}

/// A schema that no other test uses.
fn schema(folder: &tempfile::TempDir) -> String {
    let unique = folder
        .path()
        .file_name()
        .unwrap()
        .to_string_lossy()
        .to_lowercase();
    let unique: String = unique.chars().filter(char::is_ascii_alphanumeric).collect();
    format!("http_{}_{unique}", std::process::id())
}

/// Nothing is kept of a key: the next request with it is refused, wherever it comes in.
#[tokio::test]
async fn a_key_that_one_server_revokes_is_refused_by_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let schema = schema(&folder);
    let (one, first) = server(&schema).await;
    let (other, second) = server(&schema).await;
    let new = |label: &str, scope| NewKey::new(Owner::Host, label, [scope]);
    let (admin, _) = one
        .keys()
        .issue("test", new("admin", Scope::Admin))
        .await
        .unwrap();
    let (key, made) = one
        .keys()
        .issue("test", new("reader", Scope::Read))
        .await
        .unwrap();
    let keys = one.keys();
    let (one, other) = (one.router(), other.router());
    for _ in 0..3 {
        for router in [&one, &other] {
            let (status, _) = ask(router, "GET", "/v1/deliveries", key.expose()).await;
            assert_eq!(status, StatusCode::OK);
        }
    }
    keys.revoke("test", &Owner::Host, &made.id).await.unwrap();
    for router in [&other, &one] {
        let (status, problem) = ask(router, "GET", "/v1/deliveries", key.expose()).await;
        assert_eq!(status, StatusCode::UNAUTHORIZED, "{problem}");
    }
    let (status, _) = ask(&other, "GET", "/v1/keys", admin.expose()).await;
    assert_eq!(status, StatusCode::OK, "others stay good");
    first.close().await;
    second.close().await;
}
