//! The three routes beside those of the intake.

use axum::{
    Extension, Json as Out,
    extract::{FromRequestParts, Path},
    http::{StatusCode, request::Parts},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use signalbus::{
    Event, Recipient, Topic,
    http::api::{ApiState, Json, Problem, Publisher},
};
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

use super::Topics;

pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(notify))
        .routes(routes!(signup))
        .routes(routes!(publish))
}

/// What is to be told to whom: the policy decides on which channels.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Notify {
    /// What it is about, such as `order.shipped`.
    topic: String,
    /// Who should hear of it, as in `POST /v1/events`.
    #[schema(value_type = Vec<Object>)]
    recipients: Vec<Recipient>,
    /// What templates may use as `data`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    data: Option<Map<String, Value>>,
    /// Whose it is; that of the header `Signalbus-Tenant` unless said.
    tenant: Option<String>,
}

/// Who has signed up.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Signup {
    /// What to call them.
    name: String,
    /// Where the mail goes.
    email: String,
    /// Where texts would go.
    phone: Option<String>,
}

/// The brokers have it.
#[derive(Serialize, ToSchema)]
struct Taken {
    /// The id of the event.
    event: String,
}

/// Tell people something.
#[utoipa::path(
    post,
    path = "/notify",
    tag = "events",
    request_body = Notify,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "How a repeat is recognised; quoted or bare"),
    ),
    responses(
        (status = 202, description = "The brokers have it", body = Taken),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["publish"]))
)]
async fn notify(
    publisher: Publisher,
    Extension(topics): Extension<Topics>,
    Json(asked): Json<Notify>,
) -> Result<(StatusCode, Out<Taken>), Problem> {
    let data = Value::Object(asked.data.unwrap_or_default());
    let mut event = Event::new(asked.topic, publisher.idempotency()).data(data);
    event.to = asked.recipients;
    event.tenant = asked.tenant;
    hand_over(publisher, &topics.notify, event).await
}

/// Publish that somebody has signed up.
#[utoipa::path(
    post,
    path = "/notify/signup",
    tag = "events",
    request_body = Signup,
    params(
        ("Idempotency-Key" = Option<String>, Header, description = "How a repeat is recognised; quoted or bare"),
    ),
    responses(
        (status = 202, description = "The brokers have it", body = Taken),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["publish"]))
)]
async fn signup(
    publisher: Publisher,
    Extension(topics): Extension<Topics>,
    Json(asked): Json<Signup>,
) -> Result<(StatusCode, Out<Taken>), Problem> {
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
    let event = Event::new("user.signup", publisher.idempotency())
        .to(recipient)
        .data(data);
    hand_over(publisher, &topics.signup, event).await
}

/// Hand a whole event over to one of the topics of the settings: a topic of the brokers, which workers read. What
/// the event is about, it says itself; in `POST /v1/publish/{topic}` the path does.
#[utoipa::path(
    post,
    path = "/publish/{topic}",
    tag = "events",
    request_body(content = Object, description = "An event as the library writes it"),
    params(("topic" = String, Path, description = "A topic of the settings")),
    responses(
        (status = 202, description = "The brokers have it", body = Taken),
        (status = "default", description = "A problem", body = Problem, content_type = "application/problem+json"),
    ),
    security(("key" = ["publish"]))
)]
async fn publish(
    publisher: Publisher,
    Known(topic): Known,
    Json(event): Json<Event>,
) -> Result<(StatusCode, Out<Taken>), Problem> {
    hand_over(publisher, &topic, event).await
}

/// The topic of the path, if it is one of the settings: looked at before the body is.
struct Known(Topic);

impl FromRequestParts<ApiState> for Known {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Problem> {
        let unknown = || Problem::not_found("topic in the settings");
        let name = Path::<String>::from_request_parts(parts, state).await;
        let Path(name) = name.map_err(|_| unknown())?;
        let all = parts.extensions.get::<Topics>().map(Topics::all);
        let mut all = all.unwrap_or_default().into_iter();
        let topic = all.find(|topic| topic.as_str() == name);
        topic.map(Self).ok_or_else(unknown)
    }
}

async fn hand_over(
    publisher: Publisher,
    topic: &Topic,
    event: Event,
) -> Result<(StatusCode, Out<Taken>), Problem> {
    let publisher = match &event.tenant {
        Some(tenant) => publisher.on_behalf_of(tenant).await?,
        None => publisher,
    };
    let event = publisher.publish_to_topic(topic, event).await?;
    tracing::info!(%event, "published");
    let event = event.to_string();
    Ok((StatusCode::ACCEPTED, Out(Taken { event })))
}
