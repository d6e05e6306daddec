use std::{sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, StatusCode};
use serde_json::{Value, json};
use signalbus::{
    Bus, Clock, Entropy, MemoryStore, Policy, Signalbus, SystemClock, Topic, async_trait,
    bus::{BusError, BusErrorKind, BusKind, Envelope, MemoryBus, Subscription},
    channel::Email,
};
use signalbus_core::directory::{
    MemoryDirectory,
    keys::{NewKey, Pepper, Scope},
};
use signalbus_http::Api;
use signalbus_testkit::provider::RecordingProvider;
use tower::ServiceExt;

use crate::support::{signup, tenant};

/// A bus that is away.
#[derive(Debug)]
struct Away;

#[async_trait]
impl Bus for Away {
    fn name(&self) -> &str {
        "away"
    }

    fn kind(&self) -> BusKind {
        BusKind::Acknowledged
    }

    async fn publish(&self, _: Vec<Envelope>) -> Result<(), BusError> {
        Err(BusError::new(BusErrorKind::Unavailable, "nobody answers"))
    }

    async fn subscribe(&self, _: &str, _: &str) -> Result<Box<dyn Subscription>, BusError> {
        Err(BusError::new(BusErrorKind::Unavailable, "nobody answers"))
    }
}

async fn over(bus: impl Bus) -> (axum::Router, String, Signalbus) {
    let signalbus = Signalbus::builder()
        .shared_store(Arc::new(MemoryStore::new()))
        .channel(
            Email::from("hello@acme.example").unwrap(),
            RecordingProvider::<Email>::new(),
        )
        .policy(Policy::new().on::<Email>("*"))
        .bus(bus, &Topic::new("events").unwrap(), "group")
        .build()
        .unwrap();
    let pepper = Pepper::generate(&Entropy::from_os());
    let api = Api::new(signalbus.clone(), Arc::new(MemoryDirectory::new()), pepper).over_bus();
    let new = NewKey::new(tenant("acme"), "", [Scope::Publish, Scope::Read]);
    let (token, _) = api.keys().issue("test", new).await.unwrap();
    (api.router(), token.expose().to_owned(), signalbus)
}

async fn ask(
    router: &axum::Router,
    key: &str,
    method: &str,
    path: &str,
    body: &Value,
) -> (StatusCode, Value, bool) {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let (status, again) = (
        response.status(),
        response.headers().contains_key("retry-after"),
    );
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap();
    (status, serde_json::from_slice(&bytes).unwrap(), again)
}

#[tokio::test(start_paused = true)]
async fn over_a_bus_the_answer_is_the_id_and_a_conflict_is_shown_later() {
    let (router, key, signalbus) = over(MemoryBus::new()).await;
    let (status, first, _) = ask(&router, &key, "POST", "/v1/events", &signup("1")).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{first}");
    assert_eq!(first["routes"], json!([]));
    let mut other = signup("1");
    other["data"] = json!({ "other": true });
    let many = json!([other, signup("2"), { "to": [] }]);
    let (_, answers, _) = ask(&router, &key, "POST", "/v1/events", &many).await;
    let answers = &answers["answers"];
    assert_eq!(answers[2]["status"], 422);
    signalbus.start();
    let shown = async |id: &Value| {
        let path = format!("/v1/events/{}", id.as_str().unwrap());
        loop {
            let (status, event, _) = ask(&router, &key, "GET", &path, &json!({})).await;
            if status == StatusCode::OK {
                return event;
            }
            SystemClock::new().sleep(Duration::from_millis(50)).await;
        }
    };
    assert_ne!(
        shown(&first["event"]).await["deliveries"][0]["reason"],
        "conflict"
    );
    let rejected = shown(&answers[0]["event"]).await;
    assert_eq!(rejected["deliveries"][0]["state"], "dead");
    assert_eq!(rejected["deliveries"][0]["reason"], "conflict");
    assert_ne!(
        shown(&answers[1]["event"]).await["deliveries"][0]["reason"],
        "conflict"
    );
    signalbus.shutdown().await;
}

#[tokio::test]
async fn a_bus_that_is_away_is_said_so_and_when_to_come() {
    let (router, key, _) = over(Away).await;
    let (status, problem, again) = ask(&router, &key, "POST", "/v1/events", &signup("1")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(problem["type"], "urn:signalbus:problem:unavailable");
    assert!(again);
}
