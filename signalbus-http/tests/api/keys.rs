use std::time::Duration;

use http::StatusCode;
use serde_json::json;
use signalbus_core::directory::{Owner, keys::Scope};

use crate::support::{tenant, world};

#[tokio::test]
async fn a_key_is_shown_once_and_works() {
    let world = world();
    let admin = world.key("acme", &[Scope::Admin]).await;
    let asked = json!({ "label": "shop", "scopes": ["read", "publish"] });
    let made = world.post(&admin, "/v1/keys", &asked).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let token = made.json()["token"].as_str().unwrap().to_owned();
    let id = made.json()["key"]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        world.get(&token, "/v1/deliveries").await.status,
        StatusCode::OK
    );
    assert_eq!(
        world.get(&token, "/v1/keys").await.status,
        StatusCode::FORBIDDEN
    );
    let secret = &token[21..37];
    for path in [
        "/v1/keys".to_owned(),
        format!("/v1/keys/{id}"),
        "/v1/audit".to_owned(),
    ] {
        let shown = world.get(&admin, &path).await;
        assert!(shown.text.contains(&id), "{path}");
        assert!(!shown.text.contains(secret), "{path}");
    }
}

#[tokio::test]
async fn a_revoked_key_is_refused_at_once() {
    let world = world();
    let admin = world.key("acme", &[Scope::Admin]).await;
    let key = world.key("acme", &[Scope::Read]).await;
    assert_eq!(
        world.get(&key, "/v1/deliveries").await.status,
        StatusCode::OK
    );
    let path = format!("/v1/keys/{}/revoke", &key[4..20]);
    let revoked = world.post(&admin, &path, &json!({})).await;
    assert!(revoked.json()["revoked_at"].is_string());
    assert_eq!(
        world.get(&key, "/v1/deliveries").await.problem(),
        "unauthorized"
    );
}

#[tokio::test]
async fn a_rotated_key_overlaps_with_its_successor() {
    let world = world();
    let admin = world.key("acme", &[Scope::Admin]).await;
    let old = world.key("acme", &[Scope::Read]).await;
    let path = format!("/v1/keys/{}/rotate", &old[4..20]);
    let made = world
        .post(&admin, &path, &json!({ "overlap_seconds": 60 }))
        .await;
    let new = made.json()["token"].as_str().unwrap().to_owned();
    for key in [&old, &new] {
        assert_eq!(
            world.get(key, "/v1/deliveries").await.status,
            StatusCode::OK
        );
    }
    world.clock.advance(Duration::from_secs(60));
    assert_eq!(
        world.get(&old, "/v1/deliveries").await.status,
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(
        world.get(&new, "/v1/deliveries").await.status,
        StatusCode::OK
    );
    let long = world
        .post(&admin, &path, &json!({ "overlap_seconds": 2_592_001 }))
        .await;
    assert_eq!(long.problem(), "invalid");
}

#[tokio::test]
async fn a_key_that_is_good_for_nothing_is_not_made() {
    let world = world();
    let admin = world.key("acme", &[Scope::Admin]).await;
    for (asked, problem) in [
        (json!({ "label": "", "scopes": [] }), "invalid"),
        (
            json!({ "label": "x".repeat(201), "scopes": ["read"] }),
            "invalid",
        ),
        (json!({ "label": "a\nb", "scopes": ["read"] }), "invalid"),
        (json!({ "label": "", "scopes": ["everything"] }), "invalid"),
        (
            json!({ "label": "", "scopes": ["read"], "tenant": "other" }),
            "invalid",
        ),
        (json!({ "scopes": ["read"] }), "invalid"),
    ] {
        assert_eq!(
            world.post(&admin, "/v1/keys", &asked).await.problem(),
            problem,
            "{asked}"
        );
    }
    let keys = world
        .keys
        .list(
            &tenant("acme"),
            signalbus_core::directory::NamePage::first(9),
        )
        .await;
    assert_eq!(keys.unwrap().len(), 1);
}

#[tokio::test]
async fn a_key_of_the_host_says_whose_things_it_asks_for() {
    let world = world();
    let host = world.key_of(Owner::Host, &Scope::ALL).await;
    let acme = world.key("acme", &Scope::ALL).await;
    let with = async |key: &str, tenant: &str, path: &str| {
        let request = crate::support::ask("GET", path, key).header("signalbus-tenant", tenant);
        world
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await
    };
    world
        .call("PUT", &acme, "/v1/recipients/ada", &json!({}))
        .await;
    assert_eq!(
        with(&host, "acme", "/v1/recipients").await.problem(),
        "not-found"
    );
    world
        .call("PUT", &host, "/v1/tenants/acme", &json!({}))
        .await;
    assert_eq!(
        with(&host, "acme", "/v1/recipients/ada").await.status,
        StatusCode::OK
    );
    assert_eq!(
        with(&host, "default", "/v1/recipients/ada").await.status,
        StatusCode::NOT_FOUND
    );
    for wrong in ["", "a b", "../acme", &"x".repeat(65)] {
        assert_eq!(
            with(&host, wrong, "/v1/recipients").await.problem(),
            "not-found"
        );
    }
    // For a key of a tenant there is nothing to choose.
    assert_eq!(
        with(&acme, "acme", "/v1/recipients/ada").await.status,
        StatusCode::OK
    );
    assert_eq!(
        with(&acme, "default", "/v1/recipients/ada").await.problem(),
        "not-found"
    );
}
