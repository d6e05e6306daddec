use http::StatusCode;
use serde_json::json;
use signalbus_core::directory::keys::Scope;

use crate::support::world;

#[tokio::test]
async fn a_recipient_is_kept_and_forgotten() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin]).await;
    let profile = json!({
        "name": "Ada", "locale": "en-GB", "time_zone": "Europe/London",
        "addresses": { "email": "ada@example.org", "sms": "+447700900123" },
        "data": { "vip": true },
    });
    let put = world
        .call("PUT", &key, "/v1/recipients/ada%2F1", &profile)
        .await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    let got = world.get(&key, "/v1/recipients/ada%2F1").await.json();
    assert_eq!(got["id"], "ada/1");
    assert_eq!(got["addresses"], profile["addresses"]);
    assert_eq!(got["data"], profile["data"]);
    let gone = world
        .call("DELETE", &key, "/v1/recipients/ada%2F1", &json!({}))
        .await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    assert_eq!(
        world.get(&key, "/v1/recipients/ada%2F1").await.problem(),
        "not-found"
    );
    let again = world
        .call("DELETE", &key, "/v1/recipients/ada%2F1", &json!({}))
        .await;
    assert_eq!(again.problem(), "not-found");
}

#[tokio::test]
async fn what_a_recipient_cannot_have_is_refused_without_repeating_it() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin]).await;
    for profile in [
        json!({ "addresses": { "email": "secret-is-no-address" } }),
        json!({ "addresses": { "pigeon": "secret" } }),
        json!({ "name": "secret\u{202e}" }),
        json!({ "time_zone": "secret?" }),
        json!({ "locale": "secret\n" }),
        json!({ "secret": 1 }),
    ] {
        let refused = world
            .call("PUT", &key, "/v1/recipients/ada", &profile)
            .await;
        assert_eq!(refused.problem(), "invalid", "{profile}");
        assert!(!refused.text.contains("secret"), "{refused:?}");
    }
    let name = "n".repeat(256);
    let long = world
        .call("PUT", &key, &format!("/v1/recipients/{name}"), &json!({}))
        .await;
    assert_eq!(long.problem(), "invalid");
}

#[tokio::test]
async fn a_list_comes_a_page_at_a_time() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin]).await;
    for name in ["a", "b", "c"] {
        world
            .call("PUT", &key, &format!("/v1/recipients/{name}"), &json!({}))
            .await;
    }
    let first = world.get(&key, "/v1/recipients?limit=2").await.json();
    assert_eq!(first["items"][1]["id"], "b");
    let next = first["next"].as_str().unwrap();
    let last = world
        .get(&key, &format!("/v1/recipients?limit=2&after={next}"))
        .await
        .json();
    assert_eq!(last["items"][0]["id"], "c");
    assert_eq!(last.get("next"), None);
    for query in [
        "limit=0",
        "limit=201",
        "limit=-1",
        "limit=x",
        "unknown=1",
        "limit=1&limit=2",
    ] {
        let refused = world.get(&key, &format!("/v1/recipients?{query}")).await;
        assert!(refused.status.is_client_error(), "{query}");
        refused.problem();
    }
}

#[tokio::test]
async fn an_event_may_name_a_recipient_of_the_directory() {
    let world = world();
    let key = world.key("acme", &Scope::ALL).await;
    let other = world.key("other", &Scope::ALL).await;
    let profile = json!({ "name": "Ada", "addresses": { "email": "ada@example.org" } });
    world
        .call("PUT", &key, "/v1/recipients/ada", &profile)
        .await;
    let event = |to| json!({ "topic": "user.signup", "to": [to], "idempotency": "none" });
    let answer = async |key: &str, to| {
        let plan = world.post(key, "/v1/plan", &event(to)).await;
        let plan = plan.json();
        plan["routes"][0]["answer"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    assert_eq!(answer(&key, json!({ "profile": "ada" })).await, "queued");
    let said_here = json!({ "profile": "ada", "addresses": { "email": "no address" } });
    assert_eq!(answer(&key, said_here).await, "rejected");
    let many = json!([
        event(json!({ "profile": "ada" })),
        event(json!({ "profile": "eve" }))
    ]);
    let answers = world.post(&key, "/v1/events", &many).await.json();
    assert_eq!(answers["answers"][0]["routes"][0]["answer"], "queued");
    assert_eq!(answers["answers"][1]["problem"]["field"], "to[0].profile");
    let theirs = world
        .post(&other, "/v1/plan", &event(json!({ "profile": "ada" })))
        .await;
    assert_eq!(theirs.problem(), "invalid");
    assert_eq!(theirs.json()["field"], "to[0].profile");
}
