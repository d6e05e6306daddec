use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use serde_json::Value;
use signalbus::{
    BusSetup, Limiter, Topic,
    bus::{Bus, MemoryBus},
    limit::{Ask, LimitError, LimitErrorKind, MemoryLimiter, Slots},
};
use signalbus_kafka::{KafkaBus, KafkaConfig};
use tower::ServiceExt;

use super::{api, router};
use crate::servers::configured::{ApiOwn, Topics};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const SIGNUP: &str = r#"{"name":"Ada","email":"ada@example.org"}"#;

/// What is served, over a bus; with a limit, if one is shared.
fn served(bus: impl Bus, limiter: Option<Arc<dyn Limiter>>, per_minute: u32) -> Router {
    let topic = |name: &str| Topic::new(name).unwrap();
    let topics = Topics {
        signup: topic("user_signup"),
        notify: topic("notifications"),
        others: vec![topic("notifications.email")],
    };
    let own = ApiOwn {
        key: KEY.to_owned(),
        limiter,
        per_minute,
    };
    let setup = BusSetup::new(bus, &topics.notify);
    router(api(setup, &own).unwrap(), topics)
}

fn over(bus: impl Bus) -> Router {
    served(bus, None, 6_000)
}

async fn ask(router: &Router, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    router.clone().oneshot(request).await.unwrap()
}

async fn ask_with_key(router: &Router, path: &str, body: &str) -> Response<Body> {
    ask(
        router,
        path,
        &[("authorization", &format!("Bearer {KEY}"))],
        body,
    )
    .await
}

/// Each route has a limit of its own, and each answer says what is left of it.
#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    // One at once, and one more each ten seconds.
    let api = served(MemoryBus::new(), None, 6);
    let taken = ask_with_key(&api, "/notify/signup", SIGNUP).await;
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    assert_eq!(taken.headers()["ratelimit-policy"], "\"key\";q=6;w=60");
    let left = taken.headers()["ratelimit"].to_str().unwrap();
    assert!(left.starts_with("\"key\";r=0;t="), "{left}");
    let refused = ask_with_key(&api, "/notify/signup", SIGNUP).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let wait = refused.headers()["retry-after"].to_str().unwrap();
    assert!((1..=10).contains(&wait.parse::<u64>().unwrap()), "{wait}");
    assert_eq!(refused.headers()["ratelimit-policy"], "\"key\";q=6;w=60");
    assert_eq!(json(refused).await["status"], 429);
    let other = ask_with_key(&api, "/publish/nowhere", "{}").await;
    assert_eq!(other.status(), StatusCode::NOT_FOUND);
    // Whoever has no key takes nothing from those who have one.
    let stranger = ask(&api, "/notify", &[], SIGNUP).await;
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    assert!(!stranger.headers().contains_key("ratelimit"));
}

/// Processes that share a limiter have one limit together; while it is away each holds a limit by itself.
#[tokio::test]
async fn processes_share_a_limit_and_none_is_ever_without_one() {
    #[derive(Debug)]
    struct Away;

    #[signalbus::async_trait]
    impl Limiter for Away {
        async fn take(&self, _: Vec<Ask>) -> Result<Vec<Slots>, LimitError> {
            Err(LimitError::new(LimitErrorKind::Unavailable, "away"))
        }
    }

    let shared: Arc<dyn Limiter> = Arc::new(MemoryLimiter::new());
    let one = served(MemoryBus::new(), Some(Arc::clone(&shared)), 6);
    let other = served(MemoryBus::new(), Some(shared), 6);
    let taken = ask_with_key(&one, "/notify/signup", SIGNUP).await;
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    let refused = ask_with_key(&other, "/notify/signup", SIGNUP).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    let alone = served(MemoryBus::new(), Some(Arc::new(Away)), 6);
    let taken = ask_with_key(&alone, "/notify/signup", SIGNUP).await;
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    let refused = ask_with_key(&alone, "/notify/signup", SIGNUP).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
}

async fn json(answer: Response<Body>) -> Value {
    let bytes = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

#[tokio::test]
async fn each_route_hands_over_to_its_topic() {
    let bus = MemoryBus::new();
    let event = r#"{"topic":"ops.alert","to":[{"addresses":{"email":"ops@example.org"}}],"idempotency":"none"}"#;
    let notify =
        r#"{"topic":"ops.alert","recipients":[{"addresses":{"email":"ops@example.org"}}]}"#;
    for (path, body, topic) in [
        ("/notify/signup", SIGNUP, "user_signup"),
        ("/notify", notify, "notifications"),
        ("/publish/notifications.email", event, "notifications.email"),
    ] {
        let mut subscription = bus.subscribe(topic, "test").await.unwrap();
        let partitions = (0..MemoryBus::PARTITIONS).map(|partition| signalbus::bus::Partition {
            partition,
            start: signalbus::bus::Start::Latest,
        });
        subscription.assign(partitions.collect()).await.unwrap();
        let answer = ask_with_key(&over(bus.clone()), path, body).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED, "{path}");
        let id = json(answer).await["event"].as_str().unwrap().to_owned();
        let batch = subscription.next(10).await.unwrap();
        assert_eq!(batch.delivered.len(), 1, "{path}");
        let payload = String::from_utf8_lossy(&batch.delivered[0].envelope.payload).into_owned();
        assert!(payload.contains(&id), "{path}");
    }
}

#[tokio::test]
async fn whoever_has_no_key_learns_nothing() {
    let api = over(MemoryBus::new());
    let almost = format!("Bearer {}", &KEY[1..]);
    for headers in [
        vec![],
        vec![("authorization", "Bearer ")],
        vec![("authorization", almost.as_str())],
    ] {
        for path in [
            "/notify",
            "/notify/signup",
            "/publish/notifications",
            "/publish/nowhere",
            "/v1/events",
            "/v1/publish/user.signup",
            "/v1/plan",
        ] {
            let answer = ask(&api, path, &headers, SIGNUP).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let api = over(MemoryBus::new());
    for (path, body, status) in [
        ("/publish/nowhere", "{}", StatusCode::NOT_FOUND),
        ("/notify/signup", "{", StatusCode::BAD_REQUEST),
        (
            "/notify/signup",
            r#"{"name":"Ada"}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/notify",
            r#"{"topic":"","recipients":[]}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
        (
            "/notify",
            r#"{"topic":"a","recipients":[],"colour":1}"#,
            StatusCode::UNPROCESSABLE_ENTITY,
        ),
    ] {
        let answer = ask_with_key(&api, path, body).await;
        assert_eq!(answer.status(), status, "{path} {body}");
        assert_eq!(answer.headers()["content-type"], "application/problem+json");
        assert_eq!(json(answer).await["status"], status.as_u16());
    }
    let large = format!(
        r#"{{"name":"{}","email":"a@example.org"}}"#,
        "x".repeat(2 << 20)
    );
    let answer = ask_with_key(&api, "/notify/signup", &large).await;
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_correlation_id_is_taken_and_given_back() {
    let api = over(MemoryBus::new());
    let key = format!("Bearer {KEY}");
    let given = [
        ("authorization", key.as_str()),
        ("x-correlation-id", "order-7"),
    ];
    let answer = ask(&api, "/notify/signup", &given, SIGNUP).await;
    assert_eq!(answer.headers()["x-correlation-id"], "order-7");
    assert_eq!(answer.headers()["x-request-id"], "order-7");
    // One that could forge a line of a log is not.
    let hostile = [("authorization", key.as_str()), ("x-correlation-id", "a b")];
    let answer = ask(&api, "/notify/signup", &hostile, SIGNUP).await;
    assert_ne!(answer.headers()["x-correlation-id"], "a b");
}

#[tokio::test]
async fn while_the_brokers_are_away_it_is_503_with_when_to_come_again() {
    // A port that nobody listens on.
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let config = KafkaConfig::new(&format!("127.0.0.1:{port}")).unwrap();
    let bus = KafkaBus::new(config.with_deadline(Duration::from_millis(300))).unwrap();
    let answer = ask_with_key(&over(bus), "/notify/signup", SIGNUP).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "2");
    let body = json(answer).await.to_string();
    assert!(!body.contains(&port.to_string()), "{body}");
}

/// What is served beside the three routes is the intake of the library, over the same bus; what needs a store is
/// not there.
#[tokio::test]
async fn it_is_the_intake_of_the_library() {
    let api = over(MemoryBus::new());
    let event = r#"{"topic":"ops.alert","to":[{"addresses":{"email":"ops@example.org"}}],"idempotency":"none"}"#;
    let answer = ask_with_key(&api, "/v1/events", &format!("[{event},{{}}]")).await;
    assert_eq!(answer.status(), StatusCode::OK);
    let answers = json(answer).await;
    assert_eq!(answers["answers"][0]["status"], 202);
    assert_eq!(answers["answers"][1]["status"], 422);
    let planned = ask_with_key(&api, "/v1/plan", event).await;
    assert_eq!(json(planned).await["routes"][0]["channel"], "email");
    let nowhere = ask_with_key(&api, "/v1/redrives", "{}").await;
    assert_eq!(nowhere.status(), StatusCode::NOT_FOUND);
}

/// The document that is served, beside this program, so that a change of it is seen.
#[tokio::test]
async fn the_document_is_the_one_that_is_committed() {
    let api = over(MemoryBus::new());
    let request = Request::get("/openapi.json").body(Body::empty()).unwrap();
    let served = json(api.oneshot(request).await.unwrap()).await;
    for path in [
        "/notify",
        "/notify/signup",
        "/publish/{topic}",
        "/v1/events",
        "/v1/publish/{topic}",
        "/v1/plan",
    ] {
        let needs = &served["paths"][path]["post"]["security"][0]["key"][0];
        assert_eq!(needs, "publish", "{path}");
    }
    assert_eq!(served["paths"].as_object().unwrap().len(), 6);
    let text = format!("{served:#}\n");
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/servers/notification-api/openapi.json"
    );
    if std::env::var_os("SIGNALBUS_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        committed, text,
        "run this test with SIGNALBUS_WRITE_OPENAPI=1"
    );
}
