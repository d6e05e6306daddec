use http::StatusCode;
use serde_json::json;
use signalbus_core::directory::{Documents, ProviderAccount, keys::Scope};
use signalbus_http::vault::place_of;

use crate::{
    support::{tenant, vault, world},
    table::account,
};

#[tokio::test]
async fn an_account_is_sealed_and_never_read_back() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin]).await;
    let put = world
        .call("PUT", &key, "/v1/accounts/mail", &account())
        .await;
    assert_eq!(put.status, StatusCode::OK, "{put:?}");
    for path in ["/v1/accounts", "/v1/accounts/mail", "/v1/audit"] {
        let shown = world.get(&key, path).await;
        assert!(shown.text.contains("mail"), "{path}");
        for secret in ["hunter2", "password", "sealed"] {
            assert!(!shown.text.contains(secret), "{path}: {shown:?}");
        }
    }
    let documents = Documents::<ProviderAccount>::new(world.directory.clone());
    let kept = documents
        .get(&tenant("acme"), "mail")
        .await
        .unwrap()
        .unwrap();
    let body = world
        .directory
        .entry(
            &tenant("acme"),
            signalbus_core::directory::Kind::Account,
            "mail",
        )
        .await
        .unwrap()
        .unwrap()
        .body;
    assert!(!body.to_string().contains("hunter2"));
    let place = place_of(tenant("acme").tenant().unwrap(), "mail");
    let opened = vault().open(&place, &kept.says.sealed).unwrap();
    assert_eq!(opened, br#"{"password":"hunter2"}"#);
}

#[tokio::test]
async fn a_host_that_is_not_public_is_refused() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin]).await;
    for host in [
        "127.0.0.1",
        "localhost",
        "10.0.0.1",
        "169.254.169.254",
        "::1",
        "fe80::1",
        "0.0.0.0",
        "::ffff:10.0.0.1",
        "http://a.example",
        "a.example/",
        "a.example:25",
        "",
    ] {
        let mut asked = account();
        asked["host"] = host.into();
        let refused = world.call("PUT", &key, "/v1/accounts/mail", &asked).await;
        assert_eq!(refused.problem(), "invalid", "{host}");
        assert_eq!(refused.json()["field"], "host", "{host}");
    }
    let mut public = account();
    public["host"] = "9.9.9.9".into();
    let taken = world.call("PUT", &key, "/v1/accounts/mail", &public).await;
    assert_eq!(taken.status, StatusCode::OK);
}

#[tokio::test]
async fn an_account_without_a_secret_or_with_too_long_a_one_is_refused() {
    let world = world();
    let key = world.key("acme", &[Scope::Admin]).await;
    for secret in [json!({}), json!({ "password": "x".repeat(17 * 1024) })] {
        let mut asked = account();
        asked["secret"] = secret;
        let refused = world.call("PUT", &key, "/v1/accounts/mail", &asked).await;
        assert_eq!(refused.problem(), "invalid");
    }
}
