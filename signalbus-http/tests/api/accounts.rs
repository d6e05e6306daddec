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

/// A new master key: every account is wrapped with it, whosever it is, and then the old one may go.
#[tokio::test]
async fn a_rotation_reaches_every_account() {
    use signalbus_http::vault::{MasterKey, Vault};

    let world = world();
    let mut owners = Vec::new();
    for of in ["acme", "other"] {
        let key = world.key(of, &[Scope::Admin]).await;
        for number in 0..60 {
            let path = format!("/v1/accounts/a{number}");
            let put = world.call("PUT", &key, &path, &account()).await;
            assert_eq!(put.status, StatusCode::OK, "{put:?}");
        }
        owners.push(tenant(of));
    }
    let master = |id: &str, byte| MasterKey::new(id, [byte; 32]).unwrap();
    let both = Vault::new(master("new", 9)).previous(master("test", 3));
    let turned = both.rotate(world.directory.clone(), "test").await.unwrap();
    assert_eq!((turned.wrapped, turned.closed.len()), (120, 0));
    let again = both.rotate(world.directory.clone(), "test").await.unwrap();
    assert_eq!((again.wrapped, again.closed.len()), (0, 0));
    let new = Vault::new(master("new", 9));
    let documents = Documents::<ProviderAccount>::new(world.directory.clone());
    for owner in &owners {
        let kept = documents.get(owner, "a59").await.unwrap().unwrap();
        let place = place_of(owner.tenant().unwrap(), "a59");
        let opened = new.open(&place, &kept.says.sealed).unwrap();
        assert_eq!(opened, br#"{"password":"hunter2"}"#);
    }
    let stranger = Vault::new(master("stranger", 1));
    let told = stranger
        .rotate(world.directory.clone(), "test")
        .await
        .unwrap();
    assert_eq!((told.wrapped, told.closed.len()), (0, 120));
}
