//! A fallback that waits for what a receipt says: one that comes before its claim calls it off, one that
//! comes after it is recorded beside it.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use serde_json::{Value, json};
use signalbus::{
    Clock as _, DeliveryId, Event, Idempotency, MemoryStore, Recipient, Store, SystemClock,
    clock::later,
    store::{
        Acceptance, After, BusAdvance, EndState, NewEvent, Reason, ReceiptKind, State, StoreError,
    },
};
use signalbus_testkit::{Layered, StoreLayer, fakes::mailgun::Webhook};

use crate::support::{Circle, circle, hard_bounce};

/// Makes the second delivery of each event wait for the first, or the first for the second: how a policy
/// will say it is another matter.
#[derive(Debug)]
struct Fallbacks {
    inner: MemoryStore,
    first: usize,
    patience: Duration,
}

#[async_trait]
impl StoreLayer for Fallbacks {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn accept(
        &self,
        mut events: Vec<NewEvent>,
        advance: Vec<BusAdvance>,
    ) -> Result<Vec<Acceptance>, StoreError> {
        let until = later(SystemClock::new().now(), self.patience);
        for event in &mut events {
            let first = event.deliveries[self.first].id;
            let second = &mut event.deliveries[1 - self.first];
            second.after = Some(After::undelivered(first, until));
        }
        self.inner.accept(events, advance).await
    }
}

const NEVER: Duration = Duration::from_secs(3600);
const SOON: Duration = Duration::from_millis(200);
const MAIL: usize = 0;
const TEXT: usize = 1;

/// A mail and a text to Ada, of which the second waits for the first to be delivered.
async fn published(first: usize, patience: Duration) -> (Circle, [DeliveryId; 2]) {
    let store = Fallbacks {
        inner: MemoryStore::new(),
        first,
        patience,
    };
    let circle = circle(Arc::new(Layered(store))).await;
    let ada = Recipient::new()
        .id("ada")
        .email("ada@example.org")
        .sms("+447700900123");
    let event = Event::new("order", Idempotency::None).to(ada);
    let published = circle.signalbus.publish(event).await.unwrap();
    let ids: Vec<DeliveryId> = published
        .routes
        .iter()
        .map(|route| route.delivery)
        .collect();
    circle.signalbus.idle().await;
    (circle, [ids[first], ids[1 - first]])
}

async fn end(circle: &Circle, id: DeliveryId) -> (State, Option<Reason>, Option<ReceiptKind>) {
    let delivery = circle.delivery("default", id).await;
    (delivery.state, delivery.reason, delivery.receipt)
}

const ACCEPTED: State = State::Ended(EndState::Accepted);
const SENT: Option<Reason> = Some(Reason::Sent);

#[tokio::test(flavor = "multi_thread")]
async fn a_delivered_mail_calls_its_text_off() {
    let (circle, [mail, text]) = published(MAIL, NEVER).await;
    assert_eq!(end(&circle, mail).await, (ACCEPTED, SENT, None));
    assert_eq!(end(&circle, text).await.0, State::Waiting);
    assert_eq!(circle.mail_happens("delivered", &json!({})).await, 200);
    let called_off = State::Ended(EndState::NotNeeded);
    assert_eq!(
        end(&circle, text).await,
        (called_off, Some(Reason::Reached), None)
    );
    circle.signalbus.idle().await;
    assert!(circle.twilio.texts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivered_text_calls_its_mail_off() {
    let (circle, [text, mail]) = published(TEXT, NEVER).await;
    assert_eq!(end(&circle, text).await, (ACCEPTED, SENT, None));
    assert_eq!(circle.text_happens("sent", None).await, 200);
    assert_eq!(end(&circle, mail).await.0, State::Waiting, "sent only");
    assert_eq!(circle.text_happens("delivered", None).await, 200);
    assert_eq!(
        end(&circle, mail).await.0,
        State::Ended(EndState::NotNeeded)
    );
    circle.signalbus.idle().await;
    assert!(circle.mailgun.mails().is_empty());
}

/// Too late: both went out, and both are told of.
#[tokio::test(flavor = "multi_thread")]
async fn what_comes_after_the_claim_is_recorded_with_both() {
    for first in [MAIL, TEXT] {
        let (circle, [one, other]) = published(first, SOON).await;
        until(&circle, other, ACCEPTED).await;
        // The first said nothing until now.
        assert_eq!(circle.mail_happens("delivered", &json!({})).await, 200);
        assert_eq!(circle.text_happens("delivered", None).await, 200);
        for id in [one, other] {
            let delivered = Some(ReceiptKind::Delivered);
            assert_eq!(end(&circle, id).await, (ACCEPTED, SENT, delivered));
        }
        assert_eq!(
            (circle.mailgun.mails().len(), circle.twilio.texts().len()),
            (1, 1)
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bounce_sends_the_fallback_at_once() {
    let (circle, [_, text]) = published(MAIL, NEVER).await;
    assert_eq!(circle.mail_happens("failed", &hard_bounce()).await, 200);
    until(&circle, text, ACCEPTED).await;
    let (circle, [_, mail]) = published(TEXT, NEVER).await;
    assert_eq!(circle.text_happens("undelivered", Some(30003)).await, 200);
    until(&circle, mail, ACCEPTED).await;
}

/// What nobody signed, or says nothing of an arrival, changes nothing.
#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_verified_and_says_so_calls_a_fallback_off() {
    let (circle, [_, text]) = published(MAIL, NEVER).await;
    let mail = circle.mailgun.mails().pop().unwrap();
    let event = circle.mailgun.happens(&mail, "delivered", &json!({}));
    let forged = Webhook::sign("guessed", &event, SystemClock::new().now(), 1);
    let answered = forged.post(&circle.mailgun_url).await.unwrap();
    assert_eq!(answered.status, 401);
    for (event, more) in [
        ("accepted", json!({})),
        ("opened", json!({})),
        ("failed", json!({ "severity": "temporary" })),
    ] {
        let more: Value = more;
        assert_eq!(circle.mail_happens(event, &more).await, 200);
    }
    assert_eq!(end(&circle, text).await.0, State::Waiting);
    assert_eq!(circle.mail_happens("delivered", &json!({})).await, 200);
    assert_eq!(
        end(&circle, text).await.0,
        State::Ended(EndState::NotNeeded)
    );
}

/// Waits for a state: the engine runs in real time.
#[expect(clippy::disallowed_methods, reason = "the engine runs in real time")]
async fn until(circle: &Circle, id: DeliveryId, state: State) {
    let reached = async {
        while circle.delivery("default", id).await.state != state {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let patience = Duration::from_secs(30);
    tokio::time::timeout(patience, reached).await.unwrap();
}
