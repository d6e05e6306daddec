use http::StatusCode;
use serde_json::json;
use signalbus_core::directory::{Owner, keys::Scope};

use crate::support::{ask, signup, world};

#[tokio::test]
async fn a_tenant_is_made_changed_and_listed() {
    let world = world();
    let host = world.key_of(Owner::Host, &[Scope::Admin]).await;
    let made = world
        .call(
            "PUT",
            &host,
            "/v1/tenants/acme",
            &json!({ "label": "Acme" }),
        )
        .await;
    assert_eq!(made.status, StatusCode::OK, "{made:?}");
    assert_eq!(made.json()["label"], "Acme");
    let revision = made.json()["revision"].as_u64().unwrap();
    let put = async |header: (&str, String), label: &str| {
        let request = ask("PUT", "/v1/tenants/acme", &host)
            .header("content-type", "application/json")
            .header(header.0, header.1);
        let body = json!({ "label": label }).to_string();
        world.send(request.body(body.into()).unwrap()).await
    };
    let second = put(("if-match", format!("\"{revision}\"")), "two").await;
    assert_eq!(second.status, StatusCode::OK);
    let stale = put(("if-match", revision.to_string()), "three").await;
    assert_eq!(stale.problem(), "precondition-failed");
    let there = put(("if-none-match", "*".to_owned()), "four").await;
    assert_eq!(there.problem(), "precondition-failed");
    let unread = put(("if-match", "W/\"1\"".to_owned()), "five").await;
    assert_eq!(unread.problem(), "malformed");
    let list = world.get(&host, "/v1/tenants").await.json();
    assert_eq!(list["items"][0]["label"], "two");
    let bad = world
        .call("PUT", &host, "/v1/tenants/a%20b", &json!({}))
        .await;
    assert_eq!(bad.problem(), "invalid");
    assert_eq!(
        world.get(&host, "/v1/tenants/none").await.problem(),
        "not-found"
    );
}

#[tokio::test]
async fn a_suspended_tenant_publishes_nothing_and_still_reads() {
    let world = world();
    let host = world.key_of(Owner::Host, &[Scope::Admin]).await;
    let acme = world.key("acme", &[Scope::Publish, Scope::Read]).await;
    world
        .call(
            "PUT",
            &host,
            "/v1/tenants/acme",
            &json!({ "suspended": true }),
        )
        .await;
    let refused = world.post(&acme, "/v1/events", &signup("1")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert_eq!(refused.problem(), "tenant-suspended");
    let list = world.get(&acme, "/v1/deliveries").await.json();
    assert_eq!(list["items"], json!([]));
    world
        .call("PUT", &host, "/v1/tenants/acme", &json!({}))
        .await;
    assert_eq!(
        world.post(&acme, "/v1/events", &signup("1")).await.status,
        StatusCode::ACCEPTED
    );
}

#[tokio::test]
async fn every_change_is_in_the_trail_with_its_actor() {
    let world = world();
    let host = world.key_of(Owner::Host, &Scope::ALL).await;
    let acme = world.key("acme", &Scope::ALL).await;
    let actor = format!("key:{}", &acme[4..20]);
    let taken = world.post(&acme, "/v1/events", &signup("1")).await.json();
    let event = taken["event"].as_str().unwrap();
    let address = json!({ "channel": "email", "address": "eve@example.org" });
    world
        .post(&acme, &format!("/v1/events/{event}/cancel"), &json!({}))
        .await;
    world.post(&acme, "/v1/suppressions", &address).await;
    world.post(&acme, "/v1/suppressions/remove", &address).await;
    world.post(&acme, "/v1/suppressions/remove", &address).await;
    world
        .call("PUT", &acme, "/v1/recipients/ada", &json!({}))
        .await;
    world
        .call("DELETE", &acme, "/v1/recipients/ada", &json!({}))
        .await;
    let trail = world.get(&acme, "/v1/audit").await;
    let actions: Vec<_> = trail.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["actor"] == actor)
        .map(|line| line["action"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(
        actions,
        [
            "recipient.removed",
            "recipient.changed",
            "address.unsuppressed",
            "address.suppressed",
            "event.cancelled",
        ]
    );
    assert!(!trail.text.contains("eve@"), "{trail:?}");
    let first = world.get(&acme, "/v1/audit?limit=2").await.json();
    let next = first["next"].as_str().unwrap();
    let second = world
        .get(&acme, &format!("/v1/audit?limit=1&after={next}"))
        .await
        .json();
    assert_eq!(second["items"][0]["action"], "address.unsuppressed");
    let filtered = world
        .get(&acme, "/v1/audit?action=event.cancelled")
        .await
        .json();
    assert_eq!(filtered["items"][0]["target"], event);
    world
        .call("PUT", &host, "/v1/tenants/acme", &json!({}))
        .await;
    let of_host = world
        .get(&host, "/v1/host/audit?action=tenant.changed")
        .await
        .json();
    assert_eq!(of_host["items"][0]["target"], "acme");
}
