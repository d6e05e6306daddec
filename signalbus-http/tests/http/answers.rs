use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use axum::{
    body::Body,
    http::{Method, Request, StatusCode},
};
use serde_json::json;
use signalbus::{
    MemoryStore, Store,
    provider::{Callback, CallbackError, Heard, ReceiptSource},
    store::{Receipt, ReceiptEffect, ReceiptKind, StoreError, StoreErrorKind},
};
use signalbus_http::{Endpoint, ReceiptIntake};
use signalbus_testkit::{Layered, StoreLayer, fakes::call};
use tower::ServiceExt;

use crate::support::{circle, circle_with, key, mail_endpoint};

async fn status(intake: ReceiptIntake, method: Method, path: &str, body: Vec<u8>) -> StatusCode {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .body(Body::from(body))
        .unwrap();
    intake.router().oneshot(request).await.unwrap().status()
}

fn intake() -> ReceiptIntake {
    ReceiptIntake::new(Arc::new(MemoryStore::new())).endpoint(mail_endpoint(key("m")))
}

#[tokio::test]
async fn who_does_not_know_the_key_finds_nothing() {
    let right = "m".repeat(32);
    for path in [
        format!("/receipts/mailgun/{}", "x".repeat(32)),
        format!("/receipts/twilio/{right}"),
        "/receipts/mailgun/".to_owned(),
        "/receipts/mailgun".to_owned(),
        format!("/receipts/mailgun/{right}/more"),
        format!("/receipts/mailgun/{}", &right[1..]),
    ] {
        let found = status(intake(), Method::POST, &path, vec![]).await;
        assert_eq!(found, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn a_wrong_signature_asks_to_come_again_with_the_right_one() {
    let path = format!("/receipts/mailgun/{}", "m".repeat(32));
    for body in ["", "{}", "nonsense"] {
        let refused = status(intake(), Method::POST, &path, body.into()).await;
        assert_eq!(refused, StatusCode::UNAUTHORIZED, "{body}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_not_read() {
    let path = format!("/receipts/mailgun/{}", "m".repeat(32));
    for (bytes, expected) in [
        (100, StatusCode::UNAUTHORIZED),
        (101, StatusCode::PAYLOAD_TOO_LARGE),
        (10_000_000, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let intake = intake().body_limit(100);
        let refused = status(intake, Method::POST, &path, vec![b'x'; bytes]).await;
        assert_eq!(refused, expected, "{bytes}");
    }
}

/// Says what the test says.
#[derive(Debug)]
struct Saying(signalbus::ProviderName, fn() -> CallbackError);

#[async_trait]
impl ReceiptSource for Saying {
    fn provider(&self) -> &signalbus::ProviderName {
        &self.0
    }

    async fn read(&self, _: &Callback<'_>) -> Result<Heard, CallbackError> {
        Err(self.1())
    }
}

/// 406 stops Mailgun; with anything else but 200 it comes again.
#[tokio::test]
async fn the_status_says_whether_to_come_again() {
    let table: [(fn() -> CallbackError, u16); 6] = [
        (|| CallbackError::Forged, 401),
        (|| CallbackError::Stale, 406),
        (|| CallbackError::Replayed, 406),
        (|| CallbackError::Malformed("no id".into()), 406),
        (|| CallbackError::Unsupported, 406),
        (|| CallbackError::Unavailable("a cache is away".into()), 503),
    ];
    for (error, expected) in table {
        let name = signalbus::ProviderName::new("saying").unwrap();
        let source = Saying(name, error);
        let endpoint = Endpoint::new::<signalbus::channel::Sms>(source, key("s")).unwrap();
        let intake = ReceiptIntake::new(Arc::new(MemoryStore::new())).endpoint(endpoint);
        let path = format!("/receipts/saying/{}", "s".repeat(32));
        let got = status(intake, Method::POST, &path, vec![]).await;
        assert_eq!(got.as_u16(), expected, "{}", error());
    }
}

/// Fails as long as it is told to.
#[derive(Debug)]
struct Away(MemoryStore, Arc<AtomicBool>);

#[async_trait]
impl StoreLayer for Away {
    fn inner(&self) -> &dyn Store {
        &self.0
    }

    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        if self.1.load(Ordering::Relaxed) {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "away"));
        }
        self.0.record_receipts(receipts).await
    }
}

/// While the store is away nothing is taken, and nothing is lost: the retries of the provider, with the
/// same token, are taken when it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_is_taken_when_it_is_recorded_and_not_before() {
    let away = Arc::new(AtomicBool::new(false));
    let store = Layered(Away(MemoryStore::new(), Arc::clone(&away)));
    let circle = circle(Arc::new(store)).await;
    let id = circle.send("acme", "ada@example.org").await;
    let mail = circle.mailgun.mails().pop().unwrap();
    let event = circle.mailgun.happens(&mail, "complained", &json!({}));
    let webhook = circle.mailgun.webhook(&event);
    away.store(true, Ordering::Relaxed);
    assert_eq!(webhook.post_until_taken(&circle.mailgun_url).await, 503);
    assert_eq!(circle.delivery("acme", id).await.receipt, None);
    away.store(false, Ordering::Relaxed);
    assert_eq!(webhook.post_until_taken(&circle.mailgun_url).await, 200);
    assert_eq!(
        circle.delivery("acme", id).await.receipt,
        Some(ReceiptKind::Complained)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_being_changed_loses_nothing() {
    use signalbus_mailgun::{MailgunReceipts, ReceiptsConfig, SigningKey};
    let circle = circle_with(Arc::new(MemoryStore::new()), |_, intake| {
        let key_then = SigningKey::new("new").or_previous("fake-signing-key");
        let source = MailgunReceipts::new(ReceiptsConfig::new(key_then)).unwrap();
        intake.endpoint(Endpoint::new::<signalbus::channel::Email>(source, key("n")).unwrap())
    })
    .await;
    circle.send("acme", "ada@example.org").await;
    let mail = circle.mailgun.mails().pop().unwrap();
    let event = circle.mailgun.happens(&mail, "delivered", &json!({}));
    let url = circle.mailgun_url.replace(&"m".repeat(32), &"n".repeat(32));
    let answered = circle.mailgun.webhook(&event).post(&url).await.unwrap();
    assert_eq!(answered.status, 200);
    // Nothing of it is said to who only tries.
    let probe = call(&url, &[], b"{}").await.unwrap();
    assert_eq!((probe.status, probe.body.as_str()), (401, ""));
}
