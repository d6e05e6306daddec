use std::{sync::Arc, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Request, Response, StatusCode},
};
use serde_json::Value;
use signalbus::{
    BusSetup, Limiter, Signalbus, Templates, Topic,
    bus::{Bus, MemoryBus},
    channel::{Email, Sms},
    limit::{Ask, LimitError, LimitErrorKind, MemoryLimiter, Slots},
};
use signalbus_kafka::{KafkaBus, KafkaConfig};
use tower::ServiceExt;

use super::{Api, limits::Limits, router};
use crate::servers::{configured::Topics, engine::policy};

const KEY: &str = "0123456789abcdef0123456789abcdef";
const SIGNUP: &str = r#"{"name":"Ada","email":"ada@example.org"}"#;

fn api(bus: impl Bus) -> Api {
    let topic = |name: &str| Topic::new(name).unwrap();
    let topics = Topics {
        signup: topic("user_signup"),
        notify: topic("notifications"),
        others: vec![topic("notifications.email")],
    };
    let signalbus = Signalbus::builder()
        .without_store()
        .known_channel(Email::from("hello@signalbus.example").unwrap())
        .known_channel(Sms::new())
        .templates(Templates::new())
        .policy(policy())
        .bus_setup(BusSetup::new(bus, &topics.notify))
        .build()
        .unwrap();
    Api {
        signalbus,
        topics,
        key: Arc::from(KEY),
        limits: Limits::new(None, 6_000),
    }
}

async fn ask(api: &Api, path: &str, headers: &[(&str, &str)], body: &str) -> Response<Body> {
    let mut request = Request::post(path).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Body::from(body.to_owned())).unwrap();
    router(api.clone()).oneshot(request).await.unwrap()
}

async fn ask_with_key(api: &Api, path: &str, body: &str) -> Response<Body> {
    ask(
        api,
        path,
        &[("authorization", &format!("Bearer {KEY}"))],
        body,
    )
    .await
}

/// Each route has a limit of its own, and each answer says what is left of it.
#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_again() {
    let mut api = api(MemoryBus::new());
    // One at once, and one more each ten seconds.
    api.limits = Limits::new(None, 6);
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

/// Processes that share a limiter have one limit together; when nobody knows what is left, nothing is let
/// through.
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
    let (mut one, mut other) = (api(MemoryBus::new()), api(MemoryBus::new()));
    one.limits = Limits::new(Some(Arc::clone(&shared)), 6);
    other.limits = Limits::new(Some(shared), 6);
    let taken = ask_with_key(&one, "/notify/signup", SIGNUP).await;
    assert_eq!(taken.status(), StatusCode::ACCEPTED);
    let refused = ask_with_key(&other, "/notify/signup", SIGNUP).await;
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    other.limits = Limits::new(Some(Arc::new(Away)), 6);
    let unknown = ask_with_key(&other, "/notify/signup", SIGNUP).await;
    assert_eq!(unknown.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(unknown.headers()["retry-after"], "5");
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
        let answer = ask_with_key(&api(bus.clone()), path, body).await;
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
    let api = api(MemoryBus::new());
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
        ] {
            let answer = ask(&api, path, &headers, SIGNUP).await;
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
        }
    }
}

#[tokio::test]
async fn what_is_wrong_is_told() {
    let api = api(MemoryBus::new());
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
    let api = api(MemoryBus::new());
    let key = format!("Bearer {KEY}");
    let given = [
        ("authorization", key.as_str()),
        ("x-correlation-id", "order-7"),
    ];
    let answer = ask(&api, "/notify/signup", &given, SIGNUP).await;
    assert_eq!(answer.headers()["x-correlation-id"], "order-7");
    assert_eq!(json(answer).await["correlation_id"], "order-7");
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
    let answer = ask_with_key(&api(bus), "/notify/signup", SIGNUP).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["retry-after"], "5");
    let body = json(answer).await.to_string();
    assert!(!body.contains(&port.to_string()), "{body}");
}
