//! The three in one server, each behind what it asks for.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt as _};

use axum::{Router, body::Body, http::Request, http::StatusCode};
use signalbus::{provider::Console, sqlite::SqliteStore};
use tower::ServiceExt as _;

use crate::{ANVILS, app, messages, shop::Shop};

async fn ask(
    app: &Router,
    request: axum::http::request::Builder,
    body: &str,
) -> (StatusCode, String) {
    let request = request.body(Body::from(body.to_owned())).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let bytes = axum::body::to_bytes(answer.into_body(), 1 << 20)
        .await
        .unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

#[tokio::test]
async fn customers_operators_and_providers_come_to_one_server() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("shop.db"))
        .await
        .unwrap();
    let signalbus = messages::builder(Console::stdout()).unwrap();
    let signalbus = signalbus.store(store.clone()).start().await.unwrap();
    let shop = Shop::open(store.clone(), signalbus.clone()).await.unwrap();
    let (app, key) = app(&shop, store, &signalbus, folder.path()).await.unwrap();
    for secret in ["admin.key", "pepper", "receipts.key"] {
        let mode = fs::metadata(folder.path().join(secret))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    shop.place(serde_json::from_str(ANVILS).unwrap())
        .await
        .unwrap();
    signalbus.idle().await;
    let (status, page) = ask(&app, Request::get("/orders/1"), "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("We have sent you a mail."), "{page}");
    let path = "/notifications/v1/attempts";
    let (status, _) = ask(&app, Request::get(path), "").await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let with_key = Request::get(path).header("authorization", format!("Bearer {key}"));
    let (status, attempts) = ask(&app, with_key, "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(attempts.contains("order.placed"), "{attempts}");
    let (status, _) = ask(&app, Request::post("/receipts/mailgun/nobodys"), "{}").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let known = fs::read(folder.path().join("receipts.key")).unwrap();
    let known: String = known.iter().map(|byte| format!("{byte:02x}")).collect();
    let unsigned = Request::post(format!("/receipts/mailgun/{known}"))
        .header("content-type", "application/json");
    let (status, _) = ask(&app, unsigned, "{}").await;
    assert!(
        status.is_client_error() && status != StatusCode::NOT_FOUND,
        "{status}"
    );
    shop.close().await;
}

/// What it takes to mount both.
#[test]
fn it_is_sixty_lines_more_than_the_shop_at_most() {
    let lines = |text: &str| text.lines().count();
    let (shop, here) = (
        include_str!("../axum-shop/main.rs"),
        include_str!("main.rs"),
    );
    assert!(lines(here) <= lines(shop) + 60, "{} lines", lines(here));
}
