use std::sync::Arc;

use serde_json::json;
use signalbus::{
    MemoryStore, Store,
    store::{EndState, ReceiptKind, State},
};
use signalbus_http::{ReceiptIntake, Scope};
use signalbus_testkit::fakes::mailgun::Webhook;

use crate::support::{Circle, circle, circle_with, hard_bounce, key, mail_endpoint, tenant};

async fn started() -> Circle {
    circle(Arc::new(MemoryStore::new())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_goes_out_and_its_receipts_come_in() {
    let circle = started().await;
    let id = circle.send("acme", "ada@example.org").await;
    assert_eq!(circle.mail_happens("delivered", &json!({})).await, 200);
    let delivery = circle.delivery("acme", id).await;
    assert_eq!(delivery.receipt, Some(ReceiptKind::Delivered));
    assert_eq!(circle.mail_happens("opened", &json!({})).await, 200);
    let delivery = circle.delivery("acme", id).await;
    assert_eq!(
        delivery.receipt,
        Some(ReceiptKind::Delivered),
        "an opening is a fact beside"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_out_and_its_receipts_come_in() {
    let circle = started().await;
    let id = circle.send("acme", "+447700900123").await;
    // Out of order: the ladder goes by what is said, not by when.
    for status in ["delivered", "sent", "queued"] {
        assert_eq!(circle.text_happens(status, None).await, 200);
    }
    let delivery = circle.delivery("acme", id).await;
    assert_eq!(delivery.receipt, Some(ReceiptKind::Delivered));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_after_delivered_is_the_last_word_and_nobody_writes_there_again() {
    let circle = started().await;
    let id = circle.send("acme", "Ada@example.org").await;
    circle.mail_happens("delivered", &json!({})).await;
    circle.mail_happens("failed", &hard_bounce()).await;
    assert_eq!(
        circle.delivery("acme", id).await.receipt,
        Some(ReceiptKind::Bounced)
    );
    let again = circle.send("acme", "ada@EXAMPLE.org").await;
    let state = circle.delivery("acme", again).await.state;
    assert_eq!(state, State::Ended(EndState::Suppressed));
    let other = circle.send("other", "ada@example.org").await;
    let state = circle.delivery("other", other).await.state;
    assert_eq!(
        state,
        State::Ended(EndState::Accepted),
        "another tenant is not concerned"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn complaints_unsubscribes_and_hard_bounces_suppress_and_soft_ones_do_not() {
    let circle = started().await;
    let soft = json!({ "severity": "permanent",
        "delivery-status": { "code": 552, "enhanced-code": "5.2.2" } });
    let temporary = json!({ "severity": "temporary" });
    for (event, more, suppresses) in [
        ("complained", json!({}), true),
        ("unsubscribed", json!({}), true),
        ("failed", hard_bounce(), true),
        ("failed", soft, false),
        ("failed", temporary, false),
        ("rejected", json!({}), false),
        ("opened", json!({}), false),
    ] {
        let address = format!(
            "ada-{event}-{suppresses}-{}@example.org",
            more.to_string().len()
        );
        circle.send("acme", &address).await;
        assert_eq!(circle.mail_happens(event, &more).await, 200);
        let again = circle.send("acme", &address).await;
        let state = circle.delivery("acme", again).await.state;
        let suppressed = state == State::Ended(EndState::Suppressed);
        assert_eq!(suppressed, suppresses, "{event} {more}");
    }
}

/// Bob was in copy: his address is no good, and Ada's mail has arrived all the same.
#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_of_a_copy_concerns_the_copy_alone() {
    let circle = started().await;
    let id = circle.send("acme", "ada@example.org").await;
    circle.mail_happens("delivered", &json!({})).await;
    let mut more = hard_bounce();
    more["recipient"] = "bob@example.org".into();
    circle.mail_happens("failed", &more).await;
    assert_eq!(
        circle.delivery("acme", id).await.receipt,
        Some(ReceiptKind::Delivered)
    );
    for (to, suppressed) in [("ada@example.org", false), ("bob@example.org", true)] {
        let again = circle.send("acme", to).await;
        let state = circle.delivery("acme", again).await.state;
        assert_eq!(
            state == State::Ended(EndState::Suppressed),
            suppressed,
            "{to}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_is_no_good_is_suppressed_and_one_that_is_switched_off_is_not() {
    let circle = started().await;
    for (code, number, suppresses) in [
        (30005, "+447700900101", true),
        (21610, "+447700900102", true),
        (30003, "+447700900103", false),
        (30007, "+447700900104", false),
        (30034, "+447700900105", false),
    ] {
        circle.send("acme", number).await;
        assert_eq!(circle.text_happens("undelivered", Some(code)).await, 200);
        let again = circle.send("acme", number).await;
        let state = circle.delivery("acme", again).await.state;
        let suppressed = state == State::Ended(EndState::Suppressed);
        assert_eq!(suppressed, suppresses, "{code}");
    }
}

/// A tenant with an account of its own holds its signing key: it may speak of its own messages only, and is
/// told nothing about others'.
#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_of_one_tenant_changes_nothing_for_another_and_tells_nothing() {
    let circle = circle_with(Arc::new(MemoryStore::new()), |_, intake| {
        let endpoint = mail_endpoint(key("x")).scope(Scope::Only(tenant("mallory")));
        intake.endpoint(endpoint)
    })
    .await;
    let id = circle.send("acme", "ada@example.org").await;
    let mail = circle.mailgun.mails().pop().unwrap();
    let url = circle.mailgun_url.replace(&"m".repeat(32), &"x".repeat(32));
    let mut answers = Vec::new();
    // The delivery of another tenant, one that is nobody's, and one under mallory's own name.
    let nobody =
        json!({ "user-variables": { "signalbus": "acme/01998c5e-0000-7000-8000-00000000ffff" } });
    let renamed = format!("mallory/{id}");
    let renamed = json!({ "user-variables": { "signalbus": renamed } });
    for more in [json!({}), nobody, renamed] {
        let event = circle.mailgun.happens(&mail, "complained", &more);
        answers.push(circle.mailgun.webhook(&event).post(&url).await.unwrap());
    }
    assert!(
        answers.iter().all(|answered| *answered == answers[0]),
        "{answers:?}"
    );
    assert_eq!(circle.delivery("acme", id).await.receipt, None);
    let again = circle.send("acme", "ada@example.org").await;
    let state = circle.delivery("acme", again).await.state;
    assert_eq!(state, State::Ended(EndState::Accepted));
}

/// Receipts that come before the result of the send wait for it.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_receipt_is_applied_when_the_send_is_settled() {
    let circle = started().await;
    // An event of which nothing is known here yet, as after a crash between send and result.
    let mail = {
        circle.send("acme", "ada@example.org").await;
        circle.mailgun.mails().pop().unwrap()
    };
    let fresh: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let intake = ReceiptIntake::new(Arc::clone(&fresh)).endpoint(mail_endpoint(key("m")));
    let event = circle.mailgun.happens(&mail, "delivered", &json!({}));
    let webhook = circle.mailgun.webhook(&event);
    let body = webhook.bytes();
    let request = signalbus::provider::Callback {
        method: "POST",
        target: "/",
        headers: &[],
        body: &body,
    };
    let taken = intake.take("mailgun", &"m".repeat(32), &request).await;
    assert_eq!(taken.status, 200);
    // That a parked receipt is applied with the result is what the store suite shows.
}

/// What a caught signature can do: nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_token_is_stopped() {
    let circle = started().await;
    let id = circle.send("acme", "ada@example.org").await;
    let mail = circle.mailgun.mails().pop().unwrap();
    let event = circle.mailgun.happens(&mail, "delivered", &json!({}));
    let webhook: Webhook = circle.mailgun.webhook(&event);
    for _ in 0..3 {
        assert_eq!(webhook.post(&circle.mailgun_url).await.unwrap().status, 200);
    }
    let complaint = circle.mailgun.happens(&mail, "complained", &json!({}));
    let forged = webhook.with_event(&complaint);
    assert_eq!(forged.post(&circle.mailgun_url).await.unwrap().status, 406);
    assert_eq!(
        circle.delivery("acme", id).await.receipt,
        Some(ReceiptKind::Delivered)
    );
}
