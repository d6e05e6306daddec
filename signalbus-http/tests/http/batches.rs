//! Many statements at once: a request that tells several, and receipts that never came and are asked for.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::json;
use signalbus::{
    Clock as _, DeliveryId, MemoryStore, ProviderName, Store, SystemClock,
    channel::Email,
    clock::{earlier, later},
    provider::{Callback, CallbackError, Heard, ReceiptSource, Report},
    store::{
        Cause, EndState, Entry, Receipt, ReceiptEffect, ReceiptKind, State, StoreError, Suppression,
    },
};
use signalbus_http::{Endpoint, ReceiptIntake, RepairError};
use signalbus_mailgun::{Account, Mailgun, MailgunConfig};
use signalbus_testkit::{Layered, StoreLayer};

use crate::support::{circle, key, mail_endpoint, tenant};

/// A service that tells of many messages in one request, and signs it with a word.
#[derive(Debug)]
struct Chatty(ProviderName);

#[derive(Deserialize)]
struct Told {
    delivery: DeliveryId,
    kind: String,
    number: usize,
}

#[async_trait]
impl ReceiptSource for Chatty {
    fn provider(&self) -> &ProviderName {
        &self.0
    }

    async fn read(&self, request: &Callback<'_>) -> Result<Heard, CallbackError> {
        if request.header("word") != Some("swordfish") {
            return Err(CallbackError::Forged);
        }
        let told: Vec<Told> = serde_json::from_slice(request.body)
            .map_err(|error| CallbackError::Malformed(error.into()))?;
        Ok(Heard::reports(told.into_iter().map(|told| {
            let id = format!("{}/{}", told.kind, told.number);
            let mut report = Report::new(told.kind.into(), id);
            report.delivery = Some(told.delivery);
            report.tenant = Some(tenant("acme"));
            if report.kind == ReceiptKind::Complained {
                report.address = Some(format!("ada{}@example.org", told.number));
                report.suppress = Some(Cause::Complained);
            }
            report
        })))
    }
}

/// Counts the calls that write.
#[derive(Debug, Clone)]
struct Counting {
    inner: MemoryStore,
    calls: Arc<AtomicUsize>,
}

#[async_trait]
impl StoreLayer for Counting {
    fn inner(&self) -> &dyn Store {
        &self.inner
    }

    async fn record_receipts(
        &self,
        receipts: Vec<Receipt>,
    ) -> Result<Vec<ReceiptEffect>, StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.inner.record_receipts(receipts).await
    }

    async fn suppress(&self, suppressions: Vec<Suppression>) -> Result<(), StoreError> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        self.inner.suppress(suppressions).await
    }
}

const PEOPLE: usize = 50;

#[tokio::test(flavor = "multi_thread")]
async fn what_one_request_tells_is_one_call_of_the_store() {
    let calls = Arc::new(AtomicUsize::new(0));
    let store = Arc::new(Layered(Counting {
        inner: MemoryStore::new(),
        calls: Arc::clone(&calls),
    }));
    let circle = circle(store).await;
    let mut told = Vec::new();
    let mut ids = Vec::new();
    for number in 0..PEOPLE {
        let id = circle
            .send("acme", &format!("ada{number}@example.org"))
            .await;
        ids.push(id);
        told.push(json!({ "delivery": id, "kind": "delivered", "number": number }));
    }
    // The last has more to say, and so has somebody whom nobody knows.
    told.push(json!({ "delivery": ids[PEOPLE - 1], "kind": "complained", "number": PEOPLE - 1 }));
    told[0]["kind"] = "something new".into();
    let chatty = Chatty(ProviderName::new("chatty").unwrap());
    let endpoint = Endpoint::new::<Email>(chatty, key("c")).unwrap();
    let intake = ReceiptIntake::new(Arc::clone(&circle.store)).endpoint(endpoint);
    let body = serde_json::to_vec(&told).unwrap();
    let take = async |word: &[u8]| {
        let request = Callback {
            method: "POST",
            target: "/",
            headers: &[("word", word)],
            body: &body,
        };
        intake
            .take("chatty", &"c".repeat(32), &request)
            .await
            .status
    };
    assert_eq!(take(b"guessed").await, 401);
    assert_eq!(calls.load(Ordering::SeqCst), 0);
    // Twice, as providers do.
    for _ in 0..2 {
        calls.store(0, Ordering::SeqCst);
        assert_eq!(take(b"swordfish").await, 200);
        assert_eq!(
            calls.load(Ordering::SeqCst),
            2,
            "the suppressions, and the receipts"
        );
    }
    for (number, id) in ids.iter().enumerate() {
        let receipt = circle.delivery("acme", *id).await.receipt;
        let expected = match number {
            0 => None,
            number if number == PEOPLE - 1 => Some(ReceiptKind::Complained),
            _ => Some(ReceiptKind::Delivered),
        };
        assert_eq!(receipt, expected, "{number}");
    }
    let again = circle
        .send("acme", &format!("ada{}@example.org", PEOPLE - 1))
        .await;
    let state = circle.delivery("acme", again).await.state;
    assert_eq!(state, State::Ended(EndState::Suppressed));
}

/// Mailgun does not repeat a `delivered` that nobody took: it is asked, and what it says is recorded once,
/// also when it comes by webhook after all.
#[tokio::test(flavor = "multi_thread")]
async fn receipts_that_never_came_are_repaired() {
    let circle = circle(Arc::new(MemoryStore::new())).await;
    let account = Account::new("mg.acme.test", "key")
        .and_then(|account| account.base_url(&circle.mailgun.url()))
        .unwrap();
    let mailgun = Mailgun::new(MailgunConfig::new(account.reading_key("reading"))).unwrap();
    let intake = ReceiptIntake::new(Arc::clone(&circle.store)).endpoint(mail_endpoint(key("m")));
    let mut late = Vec::new();
    for number in 0..5 {
        let id = circle
            .send("acme", &format!("ada{number}@example.org"))
            .await;
        let mail = circle.mailgun.mails().pop().unwrap();
        late.push((id, circle.mailgun.happens(&mail, "delivered", &json!({}))));
    }
    let hour = std::time::Duration::from_secs(3600);
    let now = SystemClock::new().now();
    let (begin, end) = (earlier(now, hour), later(now, hour));
    let reports = mailgun
        .missed_receipts(&tenant("acme"), begin, end)
        .await
        .unwrap();
    let nobody = intake.repair("nobody", reports.clone()).await.unwrap_err();
    assert!(matches!(nobody, RepairError::NoEndpoint));
    for _ in 0..2 {
        intake.repair("mailgun", reports.clone()).await.unwrap();
    }
    for (id, event) in late {
        let delivery = circle.delivery("acme", id).await;
        assert_eq!(delivery.receipt, Some(ReceiptKind::Delivered));
        let webhook = circle.mailgun.webhook(&event);
        assert_eq!(webhook.post(&circle.mailgun_url).await.unwrap().status, 200);
        let history = circle.store.history(&tenant("acme"), id).await.unwrap();
        let told = history.iter().filter(|line| {
            matches!(&line.entry, Entry::Receipt { kind, .. } if *kind == ReceiptKind::Delivered)
        });
        assert_eq!(told.count(), 1);
    }
}
