use http::StatusCode;
use serde_json::{Value, json};
use signalbus_core::directory::keys::Scope;

use crate::support::{World, signup, world};

async fn erase(world: &World, key: &str, who: Value) -> Value {
    let erased = world
        .post(key, "/v1/erasures", &json!({ "who": who }))
        .await;
    assert_eq!(erased.status, StatusCode::OK, "{erased:?}");
    erased.json()
}

#[tokio::test]
async fn somebody_is_forgotten_and_what_was_is_counted() {
    let world = world();
    let key = world.key("acme", &Scope::ALL).await;
    let other = world.key("other", &Scope::ALL).await;
    world
        .call("PUT", &key, "/v1/recipients/ada", &json!({ "name": "Ada" }))
        .await;
    let taken = world
        .post(&key, "/v1/events", &signup("by id"))
        .await
        .json();
    let mut without_id = signup("by address");
    without_id["to"][0].as_object_mut().unwrap().remove("id");
    world.post(&key, "/v1/events", &without_id).await;
    world.post(&other, "/v1/events", &signup("theirs")).await;
    let ada = json!([
        { "id": "ada" },
        { "channel": "email", "address": "Ada@EXAMPLE.org" },
    ]);
    let erased = erase(&world, &key, ada.clone()).await;
    assert_eq!(
        erased,
        json!({
            "recipients": 2, "events": 2, "cancelled": 2, "renderings": 0, "secrets": 0,
            "message_ids": 0, "receipts": 0, "files": 0, "profile": true,
        })
    );
    let delivery = taken["routes"][0]["delivery"].as_str().unwrap();
    let detail = world.get(&key, &format!("/v1/deliveries/{delivery}")).await;
    assert_eq!(detail.json()["delivery"]["state"], "cancelled");
    assert_eq!(detail.json()["delivery"]["reason"], "erased");
    let profile = world.get(&key, "/v1/recipients/ada").await;
    assert_eq!(profile.status, StatusCode::NOT_FOUND);
    let theirs = world.get(&other, "/v1/deliveries").await.json();
    assert_eq!(theirs["items"][0]["state"], "waiting");
    let again = erase(&world, &key, ada).await;
    assert_eq!(
        (&again["recipients"], &again["profile"]),
        (&json!(0), &json!(false))
    );
    let trail = world.get(&key, "/v1/audit?action=recipient.erased").await;
    assert_eq!(trail.json()["items"].as_array().unwrap().len(), 2);
    assert!(!trail.text.to_lowercase().contains("example"), "{trail:?}");
}

#[tokio::test]
async fn who_is_to_be_forgotten_must_be_said_in_full() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin]).await;
    for (who, field) in [
        (json!([]), "who"),
        (json!(vec![json!({ "id": "a" }); 51]), "who"),
        (json!([{ "id": "a" }, {}]), "who[1]"),
        (json!([{ "channel": "email" }]), "who[0]"),
        (
            json!([{ "id": "a", "channel": "email", "address": "a@example.org" }]),
            "who[0]",
        ),
        (
            json!([{ "channel": "email", "address": "secret" }]),
            "who[0].address",
        ),
        (
            json!([{ "channel": "pigeon", "address": "secret" }]),
            "who[0].channel",
        ),
    ] {
        let refused = world
            .post(&key, "/v1/erasures", &json!({ "who": who }))
            .await;
        assert_eq!(refused.problem(), "invalid", "{who}");
        assert_eq!(refused.json()["field"], field, "{who}");
        assert!(!refused.text.contains("secret"), "{refused:?}");
    }
}
