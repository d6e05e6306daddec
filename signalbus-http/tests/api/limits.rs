use std::time::Duration;

use axum::body::{Body, Bytes};
use futures::{StreamExt, stream};
use http::StatusCode;
use serde_json::json;
use signalbus_core::directory::keys::Scope;
use signalbus_http::api::{ApiLimits, Rate};

use crate::support::{ask, signup, world_with};

fn limits() -> ApiLimits {
    ApiLimits::default().with_rate(None)
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_said_or_unsaid() {
    let world = world_with(limits().with_body(1_000));
    let key = world.key("acme", &[Scope::Publish]).await;
    let fits = world.post(&key, "/v1/events", &signup("1")).await;
    assert_eq!(fits.status, StatusCode::ACCEPTED);
    let mut large = signup("2");
    large["data"] = json!({ "text": "x".repeat(1_000) });
    let refused = world.post(&key, "/v1/events", &large).await;
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(refused.problem(), "too-large");
    // Without a length, and without an end.
    let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(b"        ")));
    let request = ask("POST", "/v1/events", &key).header("content-type", "application/json");
    let refused = world
        .send(request.body(Body::from_stream(endless)).unwrap())
        .await;
    assert_eq!(refused.problem(), "too-large");
}

#[tokio::test]
async fn too_many_events_or_recipients_are_refused() {
    let world = world_with(limits().with_batch(2).with_recipients(3));
    let key = world.key("acme", &[Scope::Publish]).await;
    let events = |count: usize| {
        json!(
            (0..count)
                .map(|n| signup(&n.to_string()))
                .collect::<Vec<_>>()
        )
    };
    assert_eq!(
        world.post(&key, "/v1/events", &events(2)).await.status,
        StatusCode::OK
    );
    let refused = world.post(&key, "/v1/events", &events(3)).await;
    assert_eq!(refused.problem(), "too-large");
    let mut wide = signup("wide");
    wide["to"] = vec![wide["to"][0].clone(); 4].into();
    assert_eq!(
        world.post(&key, "/v1/events", &wide).await.problem(),
        "too-large"
    );
    wide["to"].as_array_mut().unwrap().truncate(3);
    assert_eq!(
        world.post(&key, "/v1/events", &wide).await.status,
        StatusCode::ACCEPTED
    );
    let both = json!([wide, signup("x")]);
    assert_eq!(
        world.post(&key, "/v1/events", &both).await.problem(),
        "too-large"
    );
    let none = world.post(&key, "/v1/events", &json!([])).await;
    assert_eq!(none.json()["answers"], json!([]));
}

#[tokio::test]
async fn a_page_has_no_more_than_is_allowed() {
    let world = world_with(limits().with_page(2));
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    for number in 0..3 {
        world
            .post(&key, "/v1/events", &signup(&number.to_string()))
            .await;
    }
    let page = world.get(&key, "/v1/deliveries").await.json();
    assert_eq!(page["items"].as_array().unwrap().len(), 2);
    assert_eq!(
        world.get(&key, "/v1/deliveries?limit=3").await.problem(),
        "invalid"
    );
}

/// A body that never comes to its end.
fn stuck() -> Body {
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
    Body::from_stream(first.chain(stream::pending()))
}

#[tokio::test]
async fn a_body_that_does_not_come_in_time_is_given_up() {
    let world = world_with(limits().with_body_time(Duration::from_secs(5)));
    let key = world.key("acme", &[Scope::Publish]).await;
    let request = ask("POST", "/v1/events", &key).header("content-type", "application/json");
    let answer = world.send(request.body(stuck()).unwrap());
    let clock = world.clock.clone();
    let (answer, ()) = tokio::join!(answer, async move {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(5));
    });
    assert_eq!(answer.status, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(answer.problem(), "body-too-slow");
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let slow = limits()
        .with_body_time(Duration::from_secs(60))
        .with_time(Duration::from_secs(5));
    let world = world_with(slow);
    let key = world.key("acme", &[Scope::Publish]).await;
    let request = ask("POST", "/v1/events", &key).header("content-type", "application/json");
    let answer = world.send(request.body(stuck()).unwrap());
    let clock = world.clock.clone();
    let (answer, ()) = tokio::join!(answer, async move {
        tokio::task::yield_now().await;
        clock.advance(Duration::from_secs(5));
    });
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.problem(), "timeout");
    assert!(!answer.header("retry-after").is_empty());
}

#[tokio::test]
async fn more_requests_at_a_time_than_there_is_room_for_are_told_to_come_again() {
    let world = world_with(limits().with_concurrency(1));
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    let request = ask("POST", "/v1/events", &key).header("content-type", "application/json");
    let first = world.send(request.body(stuck()).unwrap());
    tokio::pin!(first);
    assert!(futures::poll!(&mut first).is_pending());
    let second = world.get(&key, "/v1/deliveries").await;
    assert_eq!(second.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(second.problem(), "busy");
    assert_eq!(second.header("retry-after"), "1");
    world.clock.advance(Duration::from_secs(60));
    first.await;
    assert_eq!(
        world.get(&key, "/v1/deliveries").await.status,
        StatusCode::OK
    );
}

#[tokio::test]
async fn a_key_that_comes_too_often_is_told_when_to_come() {
    let world = world_with(ApiLimits::default().with_rate(Some(Rate::new(60, 2))));
    let key = world.key("acme", &[Scope::Read]).await;
    let other = world.key("acme", &[Scope::Read]).await;
    let first = world.get(&key, "/v1/deliveries").await;
    assert_eq!(first.header("ratelimit"), "\"key\";r=1;t=2");
    assert_eq!(first.header("ratelimit-policy"), "\"key\";q=60;w=60");
    world.get(&key, "/v1/deliveries").await;
    let refused = world.get(&key, "/v1/deliveries").await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.problem(), "rate-limited");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("ratelimit"), "\"key\";r=0;t=3");
    assert_eq!(
        world.get(&other, "/v1/deliveries").await.status,
        StatusCode::OK
    );
    assert_eq!(world.get(&key, "/v1/usage").await.status, StatusCode::OK);
    world.clock.advance(Duration::from_secs(1));
    assert_eq!(
        world.get(&key, "/v1/deliveries").await.status,
        StatusCode::OK
    );
}
