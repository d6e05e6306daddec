use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use signalbus_core::directory::{Owner, keys::Scope};

use crate::support::{World, signup, world};

async fn with_quota(quota: Value) -> (World, String) {
    let world = world();
    let host = world.key_of(Owner::Host, &[Scope::Admin]).await;
    let put = world
        .call("PUT", &host, "/v1/tenants/acme", &json!({ "quota": quota }))
        .await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    let key = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    (world, key)
}

fn for_many(key: &str, recipients: usize) -> Value {
    let mut event = signup(key);
    event["to"] = vec![event["to"][0].clone(); recipients].into();
    event
}

async fn left(world: &World, key: &str) -> Vec<u64> {
    let usage = world.get(key, "/v1/usage").await.json();
    let quotas = usage["quotas"].as_array().unwrap().iter();
    quotas.map(|line| line["left"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn recipients_are_counted_and_what_is_left_is_told() {
    let (world, key) = with_quota(json!({ "per_day": 5, "per_month": 7 })).await;
    assert_eq!(left(&world, &key).await, [5, 7]);
    let taken = world.post(&key, "/v1/events", &for_many("1", 3)).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    assert_eq!(left(&world, &key).await, [2, 4]);
    let refused = world.post(&key, "/v1/events", &for_many("2", 3)).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(refused.problem(), "quota-exceeded");
    assert!(refused.header("retry-after").parse::<u64>().unwrap() <= 86_400);
    assert_eq!(
        left(&world, &key).await,
        [2, 4],
        "what was refused is not counted"
    );
    let list = world.get(&key, "/v1/deliveries").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 3);
    let taken = world.post(&key, "/v1/events", &for_many("3", 2)).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    world.clock.advance(Duration::from_secs(86_400));
    assert_eq!(left(&world, &key).await[0], 5, "a day begins anew");
}

#[tokio::test]
async fn what_was_stored_before_or_not_at_all_is_not_counted() {
    let (world, key) = with_quota(json!({ "per_day": 20 })).await;
    world.post(&key, "/v1/events", &for_many("1", 3)).await;
    world.post(&key, "/v1/events", &for_many("1", 3)).await;
    assert_eq!(left(&world, &key).await, [17], "a duplicate");
    world.post(&key, "/v1/events", &for_many("1", 2)).await;
    assert_eq!(left(&world, &key).await, [17], "a conflict");
    let mut wrong = for_many("2", 4);
    wrong["topic"] = "not a topic".into();
    world.post(&key, "/v1/events", &wrong).await;
    assert_eq!(left(&world, &key).await, [17], "an invalid one");
    let many = json!([for_many("3", 2), wrong, for_many("1", 3)]);
    world.post(&key, "/v1/events", &many).await;
    assert_eq!(left(&world, &key).await, [15], "of many only the new one");
}

#[tokio::test]
async fn a_tenant_without_a_quota_sends_as_much_as_it_likes() {
    let (world, key) = with_quota(json!({})).await;
    let taken = world.post(&key, "/v1/events", &for_many("1", 1_000)).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED);
    assert_eq!(left(&world, &key).await, [0; 0]);
}
