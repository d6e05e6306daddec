use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use signalbus::{
    MemoryStore, TenantId,
    provider::Inbound,
    store::{EndState, State},
};
use signalbus_http::{InboundHandler, ReceiptIntake};

use crate::support::{Circle, FROM, circle, circle_with, key, tenant, text_endpoint};

const ADA: &str = "+447700900123";

async fn writes(circle: &Circle, to: &str, text: &str) -> (u16, String) {
    let callback = circle.twilio.inbound(&circle.twilio_url, ADA, to, text);
    let answered = callback.post().await.unwrap();
    (answered.status, answered.body)
}

async fn is_suppressed(circle: &Circle, name: &str) -> bool {
    let id = circle.send(name, ADA).await;
    circle.delivery(name, id).await.state == State::Ended(EndState::Suppressed)
}

#[tokio::test(flavor = "multi_thread")]
async fn stop_ends_texts_and_start_brings_them_back() {
    let circle = circle(Arc::new(MemoryStore::new())).await;
    assert!(!is_suppressed(&circle, "default").await);
    let empty = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>".to_owned();
    assert_eq!(writes(&circle, FROM, "Stop.").await, (200, empty.clone()));
    assert!(is_suppressed(&circle, "default").await);
    assert_eq!(writes(&circle, FROM, "HELP").await, (200, empty.clone()));
    assert!(is_suppressed(&circle, "default").await);
    assert_eq!(writes(&circle, FROM, "START").await, (200, empty));
    assert!(!is_suppressed(&circle, "default").await);
}

/// A start takes a stop back, and nothing graver.
#[tokio::test(flavor = "multi_thread")]
async fn a_start_does_not_bring_back_a_number_that_is_no_good() {
    let circle = circle(Arc::new(MemoryStore::new())).await;
    assert!(!is_suppressed(&circle, "default").await);
    circle.text_happens("undelivered", Some(30005)).await;
    for text in ["STOP", "START"] {
        assert_eq!(writes(&circle, FROM, text).await.0, 200);
        assert!(is_suppressed(&circle, "default").await, "{text}");
    }
}

/// Who writes to a sender writes to the tenant whose sender it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_is_for_the_tenant_whose_sender_it_was_sent_to() {
    let circle = circle_with(Arc::new(MemoryStore::new()), |origin, intake| {
        let endpoint = text_endpoint(origin, key("p")).sender("+15005550010", tenant("acme"));
        intake.endpoint(endpoint)
    })
    .await;
    let url = circle.twilio_url.replace(&"t".repeat(32), &"p".repeat(32));
    let callback = circle.twilio.inbound(&url, ADA, "+15005550010", "STOP");
    assert_eq!(callback.post().await.unwrap().status, 200);
    assert!(is_suppressed(&circle, "acme").await);
    assert!(!is_suppressed(&circle, "default").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_stop_stops_nothing() {
    let circle = circle(Arc::new(MemoryStore::new())).await;
    let callback = circle.twilio.inbound(&circle.twilio_url, ADA, FROM, "STOP");
    let forged = callback.signed_with("another token").post().await.unwrap();
    assert_eq!(forged.status, 401);
    assert!(!is_suppressed(&circle, "default").await);
}

#[derive(Debug, Default)]
struct Mailbox {
    taken: Arc<Mutex<Vec<(TenantId, String)>>>,
    full: Arc<AtomicBool>,
}

#[async_trait]
impl InboundHandler for Mailbox {
    async fn take(
        &self,
        tenant: &TenantId,
        inbound: &Inbound,
    ) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        if self.full.load(Ordering::Relaxed) {
            return Err("full".into());
        }
        let text = inbound.text.clone();
        self.taken.lock().unwrap().push((tenant.clone(), text));
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_write_goes_to_the_host_and_is_not_lost_when_it_cannot_take_it() {
    let (taken, full) = (Arc::default(), Arc::new(AtomicBool::new(true)));
    let mailbox = Mailbox {
        taken: Arc::clone(&taken),
        full: Arc::clone(&full),
    };
    let circle = circle_with(Arc::new(MemoryStore::new()), |_, intake: ReceiptIntake| {
        intake.inbound(mailbox)
    })
    .await;
    let callback = circle
        .twilio
        .inbound(&circle.twilio_url, ADA, FROM, "Where is it?");
    assert_eq!(callback.post().await.unwrap().status, 503);
    full.store(false, Ordering::Relaxed);
    assert_eq!(callback.post().await.unwrap().status, 200);
    let expected = [(TenantId::default(), "Where is it?".to_owned())];
    assert_eq!(*taken.lock().unwrap(), expected);
}
