//! The three routes.

use axum::{
    Extension, Json, Router,
    extract::{Path, State, rejection::JsonRejection},
    http::HeaderMap,
    response::Response,
    routing::post,
};
use serde::Deserialize;
use serde_json::{Value, json};
use signalbus::{Event, Idempotency, Recipient, Topic, TraceContext};

use super::{
    Api,
    answer::{not_found, published, unreadable},
    attend::trace_of,
    caller::Correlation,
};

pub(super) fn routes() -> Router<Api> {
    Router::new()
        .route("/notify", post(notify))
        .route("/notify/signup", post(signup))
        .route("/publish/{topic}", post(publish))
}

/// What `POST /notify` takes: the policy decides which channels it goes out on.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Notify {
    topic: String,
    recipients: Vec<Recipient>,
    #[serde(default)]
    data: Value,
    tenant: Option<String>,
}

/// What `POST /notify/signup` takes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Signup {
    name: String,
    email: String,
    phone: Option<String>,
}

async fn notify(
    State(api): State<Api>,
    Extension(correlation): Extension<Correlation>,
    headers: HeaderMap,
    body: Result<Json<Notify>, JsonRejection>,
) -> Response {
    let Json(asked) = match body {
        Ok(body) => body,
        Err(problem) => return unreadable(&problem, &correlation),
    };
    let mut event = Event::new(asked.topic, idempotency(&headers)).data(asked.data);
    event.tenant = asked.tenant;
    event.to = asked.recipients;
    event.trace = trace(&headers);
    let topic = api.topics.notify.clone();
    hand_over(&api, &topic, event, &correlation).await
}

async fn signup(
    State(api): State<Api>,
    Extension(correlation): Extension<Correlation>,
    headers: HeaderMap,
    body: Result<Json<Signup>, JsonRejection>,
) -> Response {
    let Json(asked) = match body {
        Ok(body) => body,
        Err(problem) => return unreadable(&problem, &correlation),
    };
    let mut recipient = Recipient::new().name(asked.name).email(asked.email);
    if let Some(phone) = asked.phone {
        recipient = recipient.sms(phone);
    }
    // What the template of this topic asks for.
    let data = json!({
        "plan": "Starter",
        "confirm_url": "https://signalbus.example/confirm",
        "valid_hours": 24,
        "getting_started": [
            { "label": "Take the tour", "url": "https://signalbus.example/start" },
        ],
    });
    let mut event = Event::new("user.signup", idempotency(&headers))
        .to(recipient)
        .data(data);
    event.trace = trace(&headers);
    let topic = api.topics.signup.clone();
    hand_over(&api, &topic, event, &correlation).await
}

/// A whole event, to one of the topics of the settings.
async fn publish(
    State(api): State<Api>,
    Path(name): Path<String>,
    Extension(correlation): Extension<Correlation>,
    headers: HeaderMap,
    body: Result<Json<Event>, JsonRejection>,
) -> Response {
    let Some(topic) = api
        .topics
        .all()
        .into_iter()
        .find(|topic| topic.as_str() == name)
    else {
        return not_found(&correlation);
    };
    let Json(mut event) = match body {
        Ok(body) => body,
        Err(problem) => return unreadable(&problem, &correlation),
    };
    event.trace = event.trace.or_else(|| trace(&headers));
    hand_over(&api, &topic, event, &correlation).await
}

async fn hand_over(api: &Api, topic: &Topic, event: Event, correlation: &Correlation) -> Response {
    let done = api.signalbus.publish_to_bus_topic(topic, event).await;
    published(done, correlation)
}

/// The key by which a repeated request is recognised.
fn idempotency(headers: &HeaderMap) -> Idempotency {
    let key = headers.get("idempotency-key");
    let key = key.and_then(|key| key.to_str().ok());
    match key
        .map(|key| key.trim_matches('"'))
        .filter(|key| !key.is_empty())
    {
        Some(key) => Idempotency::key(key),
        None => Idempotency::None,
    }
}

/// The trace of the caller, where nobody records the span of the request, which goes on with it.
fn trace(headers: &HeaderMap) -> Option<TraceContext> {
    match signalbus::trace::current() {
        Some(_) => None,
        None => trace_of(headers),
    }
}
