use http::StatusCode;
use serde_json::json;
use signalbus_core::{
    directory::{Owner, keys::Scope},
    store::{ClaimAnswer, Refusal},
};

use crate::support::{signup, world};

#[tokio::test]
async fn a_tenant_holds_its_own_messages_back_and_lets_them_go() {
    let world = world();
    let scopes = [Scope::Publish, Scope::Read, Scope::Operate, Scope::Admin];
    let acme = world.key("acme", &scopes).await;
    let other = world.key("other", &scopes).await;
    let paused = json!({ "topic": "user.signup", "reason": "wrong prices" });
    let begun = world.post(&acme, "/v1/pauses", &paused).await;
    assert_eq!(begun.json(), json!({ "new": true }));
    let again = world.post(&acme, "/v1/pauses", &paused).await;
    assert_eq!(again.json(), json!({ "new": false }));

    world.post(&acme, "/v1/events", &signup("a")).await;
    world.post(&other, "/v1/events", &signup("o")).await;
    let answers = world.claim_all().await;
    let held = |answer: &&ClaimAnswer| matches!(answer, ClaimAnswer::Refused(Refusal::Held));
    assert_eq!(answers.iter().filter(held).count(), 1);
    let list = world.get(&acme, "/v1/deliveries?state=held").await.json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1);
    let id = list["items"][0]["id"].as_str().unwrap().to_owned();
    let told = world.get(&acme, &format!("/v1/deliveries/{id}")).await;
    assert!(told.text.contains("wrong prices"), "{told:?}");

    let mine = world.get(&acme, "/v1/pauses").await.json();
    assert_eq!(mine["items"][0]["topic"], "user.signup");
    let theirs = world.get(&other, "/v1/pauses").await.json();
    assert_eq!(theirs["items"], json!([]));
    let key = json!({ "topic": "user.signup" });
    let not_theirs = world.post(&other, "/v1/pauses/end", &key).await.json();
    assert_eq!(not_theirs, json!({ "ended": false, "released": 0 }));
    let ended = world.post(&acme, "/v1/pauses/end", &key).await.json();
    assert_eq!(ended, json!({ "ended": true, "released": 1 }));
    let waiting = world.get(&acme, "/v1/deliveries?state=waiting").await;
    assert_eq!(waiting.json()["items"].as_array().unwrap().len(), 1);

    let trail = world.get(&acme, "/v1/audit").await.text;
    for action in ["pause.begun", "pause.ended"] {
        assert_eq!(trail.matches(action).count(), 1, "{trail}");
    }
}

#[tokio::test]
async fn the_host_holds_back_whom_and_what_it_names() {
    let world = world();
    let host = world.key_of(Owner::Host, &[Scope::Admin]).await;
    let acme = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    let everything = json!({ "reason": "a leak" });
    world.post(&host, "/v1/host/pauses", &everything).await;
    let seen = world.get(&acme, "/v1/pauses").await.json();
    assert_eq!(seen["items"][0]["reason"], "a leak");
    assert!(seen["items"][0].get("actor").is_none(), "{seen}");
    let all = world.get(&host, "/v1/host/pauses").await.json();
    assert!(
        all["items"][0]["actor"]
            .as_str()
            .unwrap()
            .starts_with("key:")
    );
    let ended = world.post(&host, "/v1/host/pauses/end", &json!({})).await;
    assert_eq!(ended.json(), json!({ "ended": true, "released": 0 }));

    for (wrong, field) in [
        (
            json!({ "provider": "mail", "tenant": "acme", "reason": "r" }),
            "provider",
        ),
        (json!({ "topic": "no spaces", "reason": "r" }), "topic"),
        (json!({ "reason": "" }), "reason"),
        (json!({ "reason": "two\nlines" }), "reason"),
    ] {
        let refused = world.post(&host, "/v1/host/pauses", &wrong).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}");
        assert!(refused.text.contains(field), "{refused:?}");
    }
}
