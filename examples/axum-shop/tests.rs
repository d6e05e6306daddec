//! The shop with a provider that fails as it is told, on a real file, in virtual time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{sync::Arc, time::Duration};

use axum::{body::Body, http::Request, http::StatusCode};
use signalbus::{EngineOptions, channel::Email, provider::Fault, sqlite::SqliteStore};
use signalbus_testkit::{ManualClock, provider::Play, provider::ScriptedProvider};
use tower::ServiceExt as _;

use crate::{anvils, messages, shop::NewOrder, shop::Shop};

struct World {
    shop: Shop,
    mails: ScriptedProvider<Email>,
    clock: ManualClock,
    _folder: tempfile::TempDir,
}

async fn world() -> World {
    let clock = ManualClock::default();
    let mails = ScriptedProvider::<Email>::new(Arc::new(clock.clone()));
    let folder = tempfile::tempdir().unwrap();
    let file = SqliteStore::builder(folder.path().join("shop.db")).clock(Arc::new(clock.clone()));
    let store = file.open().await.unwrap();
    let builder = messages::builder(mails.clone()).unwrap();
    // Fewer moments at which something is due: each is played.
    let options = EngineOptions::default()
        .with_poll(Duration::from_mins(1))
        .with_lease(Duration::from_mins(5));
    let builder = builder.clock(clock.clone()).store(store.clone());
    let builder = builder.options(options);
    let signalbus = builder.start().await.unwrap();
    World {
        shop: Shop::open(store, signalbus).await.unwrap(),
        mails,
        clock,
        _folder: folder,
    }
}

#[tokio::test]
async fn an_outage_delays_the_mail_and_not_the_order() {
    let world = world().await;
    world.mails.default(Play::retryable(Fault::Provider));
    let order = world.shop.place(anvils("Ada", "de")).await.unwrap();
    world.clock.run(Duration::from_mins(10)).await;
    let page = world.shop.page(order).await.unwrap().unwrap();
    assert!(page.contains("A mail is on its way."), "{page}");
    assert!(page.contains("fault of the provider"), "{page}");

    world.mails.default(Play::accept());
    world.clock.run(Duration::from_hours(1)).await;
    let page = world.shop.page(order).await.unwrap().unwrap();
    assert!(page.contains("We have sent you a mail."), "{page}");
    world.mails.books().assert_sent_count(1);
    let sent = world.mails.sent();
    assert_eq!(
        sent[0].message::<Email>().subject,
        format!("Ihre Bestellung {order}")
    );
    world.shop.close().await;
}

#[tokio::test]
async fn an_order_that_fails_sends_nothing() {
    let world = world().await;
    let none = NewOrder {
        pieces: 0,
        ..anvils("Ada", "en")
    };
    let refused = world.shop.place(none).await;
    assert!(refused.is_err());
    world.clock.run(Duration::from_hours(1)).await;
    assert!(world.mails.requests().is_empty());
    assert_eq!(world.shop.page(1).await.unwrap(), None);
    world.shop.close().await;
}

#[tokio::test]
async fn a_customer_orders_and_looks() {
    let world = world().await;
    let order =
        r#"{"name":"Ada","email":"ada@example.org","language":"en","item":"anvil","pieces":2}"#;
    let request = Request::post("/orders").header("content-type", "application/json");
    let answer = world
        .shop
        .router()
        .oneshot(request.body(Body::from(order)).unwrap());
    assert_eq!(answer.await.unwrap().status(), StatusCode::CREATED);
    for (path, status) in [
        ("/orders/1", StatusCode::OK),
        ("/orders/7", StatusCode::NOT_FOUND),
    ] {
        let look = Request::get(path).body(Body::empty()).unwrap();
        assert_eq!(
            world.shop.router().oneshot(look).await.unwrap().status(),
            status
        );
    }
    world.shop.close().await;
}
