use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::json;
use signalbus_core::directory::keys::Scope;

use crate::support::{ask, signup, world};

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

#[tokio::test]
async fn a_request_has_an_id_its_own_or_a_new_one() {
    let world = world();
    let with = async |id: Option<&str>| {
        let mut request = Request::get("/v1/deliveries");
        if let Some(id) = id {
            request = request.header("x-request-id", id);
        }
        let answer = world.send(request.body(Body::empty()).unwrap()).await;
        answer.problem();
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(with(Some("abc-1.2_3")).await, "abc-1.2_3");
    let (first, second) = (with(None).await, with(None).await);
    assert_eq!(first.len(), 32);
    assert_ne!(first, second);
    for unfit in ["a b", "", "a\"b", &"x".repeat(129)] {
        assert_eq!(with(Some(unfit)).await.len(), 32, "{unfit:?}");
    }
}

#[tokio::test]
async fn a_trace_goes_with_the_event_and_comes_back() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish]).await;
    for (parent, back) in [(PARENT, PARENT), ("no trace", "")] {
        let request = ask("POST", "/v1/events", &key)
            .header("content-type", "application/json")
            .header("traceparent", parent)
            .header("tracestate", "a=1");
        let body = Body::from(signup(parent).to_string());
        let answer = world.send(request.body(body).unwrap()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED);
        assert_eq!(answer.header("traceparent"), back);
    }
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let world = world();
    let key = world.key("acme", &Scope::ALL).await;
    let nowhere = world.get(&key, "/v1/nothing").await;
    assert_eq!(
        (nowhere.status, nowhere.problem().as_str()),
        (StatusCode::NOT_FOUND, "not-found")
    );
    let method = world.call("PATCH", &key, "/v1/plan", &json!({})).await;
    assert_eq!(method.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(method.problem(), "method-not-allowed");
    assert_eq!(method.header("allow"), "POST");
}

#[tokio::test]
async fn only_json_is_taken() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish]).await;
    for (kind, status) in [
        ("application/json", 202),
        ("Application/JSON; charset=utf-8", 202),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ] {
        let request = ask("POST", "/v1/events", &key).header("content-type", kind);
        let body = Body::from(signup("1").to_string());
        let answer = world.send(request.body(body).unwrap()).await;
        assert_eq!(answer.status, status, "{kind:?}");
    }
}

#[tokio::test]
async fn answers_are_not_kept_on_the_way() {
    let world = world();
    let key = world.key("acme", &[Scope::Read]).await;
    let answer = world.get(&key, "/v1/deliveries").await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn who_is_about_to_stop_is_not_ready_and_still_lives() {
    let clock = signalbus_testkit::ManualClock::default();
    let readiness = signalbus_http::api::Readiness::new();
    let directory = std::sync::Arc::new(signalbus_core::directory::MemoryDirectory::new());
    let signalbus =
        crate::support::signalbus(std::sync::Arc::new(signalbus::MemoryStore::new()), &clock);
    let pepper = signalbus_core::directory::keys::Pepper::new([1; 32]);
    let router = signalbus_http::Api::new(signalbus, directory, pepper)
        .readiness(readiness.clone())
        .router();
    let ask = async |path: &str| {
        let request = Request::get(path).body(Body::empty()).unwrap();
        tower::ServiceExt::oneshot(router.clone(), request)
            .await
            .unwrap()
            .status()
    };
    assert_eq!(ask("/readyz").await, StatusCode::NO_CONTENT);
    readiness.leave();
    assert_eq!(ask("/readyz").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ask("/healthz").await, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn api_and_receipts_are_mounted_together_below_a_path() {
    let store: std::sync::Arc<dyn signalbus::Store> =
        std::sync::Arc::new(signalbus::MemoryStore::new());
    let clock = signalbus_testkit::ManualClock::default();
    let signalbus = crate::support::signalbus(std::sync::Arc::clone(&store), &clock);
    let directory = std::sync::Arc::new(signalbus_core::directory::MemoryDirectory::new());
    let pepper = signalbus_core::directory::keys::Pepper::new([1; 32]);
    let api = signalbus_http::Api::new(signalbus, directory, pepper).router();
    let receipts = signalbus_http::ReceiptIntake::new(store).router();
    let host = axum::Router::new()
        .nest("/notify", api.merge(receipts))
        .fallback(async || "the host's");
    let ask = async |method: &str, path: &str| {
        let request = Request::builder().method(method).uri(path);
        let request = request.body(Body::empty()).unwrap();
        let answer = tower::ServiceExt::oneshot(host.clone(), request)
            .await
            .unwrap();
        answer.status()
    };
    assert_eq!(ask("GET", "/notify/healthz").await, StatusCode::NO_CONTENT);
    assert_eq!(
        ask("GET", "/notify/v1/deliveries").await,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        ask("POST", "/notify/receipts/mailgun/nobodys").await,
        StatusCode::NOT_FOUND
    );
    assert_eq!(ask("GET", "/elsewhere").await, StatusCode::OK);
}

/// A host with a server of its own says who has connected; only an API that was told its proxies looks.
#[tokio::test]
async fn who_asks_is_found_out_where_it_is_wanted_only() {
    use axum::{Extension, routing::get};
    use signalbus_http::{
        Api,
        api::{ClientAddress, Network, Proxies},
        serve::Peer,
    };
    use utoipa_axum::router::OpenApiRouter;

    let api = || {
        let clock = signalbus_testkit::ManualClock::default();
        let store = std::sync::Arc::new(signalbus::MemoryStore::new());
        let signalbus = crate::support::signalbus(store, &clock);
        let directory = std::sync::Arc::new(signalbus_core::directory::MemoryDirectory::new());
        let whence = async |client: Option<Extension<ClientAddress>>| {
            client.map_or("?".to_owned(), |Extension(ClientAddress(it))| {
                it.to_string()
            })
        };
        let own = OpenApiRouter::new().route("/whence", get(whence));
        let pepper = signalbus_core::directory::keys::Pepper::new([1; 32]);
        Api::new(signalbus, directory, pepper).own(own)
    };
    let ask = async |api: Api, peer: Option<&str>| {
        let mut request = Request::get("/whence")
            .header("x-forwarded-for", "203.0.113.9")
            .body(Body::empty())
            .unwrap();
        if let Some(peer) = peer {
            request.extensions_mut().insert(Peer(peer.parse().unwrap()));
        }
        let answer = tower::ServiceExt::oneshot(api.router(), request)
            .await
            .unwrap();
        let bytes = axum::body::to_bytes(answer.into_body(), 1_000)
            .await
            .unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    };
    let behind = || api().proxies(Proxies::of(["10.0.0.0/8".parse::<Network>().unwrap()]));
    assert_eq!(ask(api(), Some("10.0.0.1:1")).await, "?");
    assert_eq!(ask(behind(), None).await, "?");
    assert_eq!(ask(behind(), Some("10.0.0.1:1")).await, "203.0.113.9");
    assert_eq!(ask(behind(), Some("198.51.100.1:1")).await, "198.51.100.1");
    let nobody = api().proxies(Proxies::none());
    assert_eq!(ask(nobody, Some("10.0.0.1:1")).await, "10.0.0.1");
}
