use axum::body::Body;
use http::StatusCode;
use serde_json::json;
use signalbus_core::directory::keys::Scope;

use crate::support::{ask, signup, world};

#[tokio::test]
async fn an_event_is_stored_and_can_be_asked_for() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    let taken = world.post(&key, "/v1/events", &signup("1")).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{taken:?}");
    let taken = taken.json();
    assert_eq!(taken["routes"][0]["answer"], "queued");
    let id = taken["event"].as_str().unwrap();
    let event = world.get(&key, &format!("/v1/events/{id}")).await.json();
    assert_eq!(event["topic"], "user.signup");
    assert_eq!(event["deliveries"][0]["state"], "waiting");
    assert!(!event.to_string().contains("ada@"), "{event}");
    let delivery = taken["routes"][0]["delivery"].as_str().unwrap();
    let one = world.get(&key, &format!("/v1/deliveries/{delivery}")).await;
    assert!(
        one.json()["explanation"]
            .as_str()
            .unwrap()
            .contains("waiting")
    );
    let list = world.get(&key, "/v1/deliveries?topic=user.signup").await;
    assert_eq!(list.json()["items"][0]["id"], delivery);
}

#[tokio::test]
async fn the_same_key_answers_the_same() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish]).await;
    let first = world.post(&key, "/v1/events", &signup("1")).await;
    let again = world.post(&key, "/v1/events", &signup("1")).await;
    assert_eq!(first.text, again.text);
    assert_eq!(first.status, again.status);
    assert_eq!(first.header("idempotent-replayed"), "");
    assert_eq!(again.header("idempotent-replayed"), "true");
    let mut other = signup("1");
    other["data"] = json!({ "other": true });
    let other = world.post(&key, "/v1/events", &other).await;
    assert_eq!(other.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(other.problem(), "idempotency-key-reused");
}

#[tokio::test]
async fn the_key_of_an_event_may_come_in_a_header() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish]).await;
    let field = world.post(&key, "/v1/events", &signup("one \"1\"")).await;
    let mut event = signup("");
    event.as_object_mut().unwrap().remove("idempotency");
    for (header, status) in [
        (Some(r#""one \"1\"""#), 202),
        (Some(r#"one "1""#), 202),
        (Some(r#""one"#), 400),
        (Some(r#""one" x"#), 400),
        (Some(""), 400),
        (None, 400),
    ] {
        let mut request =
            ask("POST", "/v1/events", &key).header("content-type", "application/json");
        if let Some(header) = header {
            request = request.header("idempotency-key", header);
        }
        let answer = world
            .send(request.body(Body::from(event.to_string())).unwrap())
            .await;
        assert_eq!(answer.status, status, "{header:?} {answer:?}");
        if status == 202 {
            assert_eq!(answer.text, field.text);
        } else {
            assert_eq!(answer.problem(), "malformed");
        }
    }
}

#[tokio::test]
async fn of_many_events_each_has_its_own_answer() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish]).await;
    let mut unknown = signup("3");
    unknown["surprise"] = json!("secret");
    let mut nobody = signup("4");
    nobody["to"] = json!([]);
    let mut conflict = signup("1");
    conflict["data"] = json!({ "x": 1 });
    let many = json!([
        signup("1"),
        signup("2"),
        signup("1"),
        unknown,
        nobody,
        conflict
    ]);
    let answer = world.post(&key, "/v1/events", &many).await;
    assert_eq!(answer.status, StatusCode::OK);
    let answers = answer.json()["answers"].clone();
    let statuses: Vec<_> = answers
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses, [202, 202, 202, 422, 422, 422]);
    assert_eq!(answers[2]["replayed"], true);
    assert_eq!(answers[2]["event"], answers[0]["event"]);
    assert_eq!(
        answers[5]["problem"]["type"],
        "urn:signalbus:problem:idempotency-key-reused"
    );
    assert!(!answer.text.contains("secret"));
}

#[tokio::test]
async fn a_topic_may_stand_in_the_path() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish]).await;
    let mut event = signup("1");
    let same = world.post(&key, "/v1/publish/user.signup", &event).await;
    assert_eq!(same.status, StatusCode::ACCEPTED);
    let other = world.post(&key, "/v1/publish/user.other", &event).await;
    assert_eq!(other.problem(), "malformed");
    event.as_object_mut().unwrap().remove("topic");
    let left_out = world.post(&key, "/v1/publish/user.signup", &event).await;
    assert_eq!(left_out.text, same.text);
    let nowhere = world.post(&key, "/v1/events", &event).await;
    assert_eq!(nowhere.problem(), "invalid");
}

#[tokio::test]
async fn a_plan_says_what_would_happen_and_stores_nothing() {
    let world = world();
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    let mut event = signup("1");
    event.as_object_mut().unwrap().remove("idempotency");
    let to = event["to"].as_array_mut().unwrap();
    to.push(json!({ "addresses": { "email": "not an address" } }));
    to.push(json!({}));
    let plan = world.post(&key, "/v1/plan", &event).await;
    assert_eq!(plan.status, StatusCode::OK, "{plan:?}");
    let plan = plan.json();
    assert_eq!(plan["rule"], true);
    assert_eq!(plan["routes"][0]["answer"], "queued");
    assert_eq!(plan["routes"][0]["providers"][0], "recording");
    assert_eq!(plan["routes"][1]["answer"], "rejected");
    assert_eq!(plan["routes"][2]["answer"], "no_route");
    let list = world.get(&key, "/v1/deliveries").await.json();
    assert_eq!(list["items"], json!([]));
}
