//! Thousands of receipts in any order, three copies each, end as they do in order and once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures::{StreamExt as _, stream};
use serde_json::{Value, json};
use signalbus::{
    DeliveryId, Entropy, MemoryStore, Store,
    provider::Callback,
    store::{Bounce, DeliveryFilter, EndState, Entry, PageToken, Reason, ReceiptKind, State},
};
use signalbus_http::ReceiptIntake;
use signalbus_sqlite::SqliteStore;
use signalbus_testkit::fakes::mailgun::Mail;

use crate::support::{Circle, circle, hard_bounce, key, mail_endpoint, text_endpoint};

/// How many receipts each mail and each text has.
const EACH: usize = 5;

/// One request as it comes in.
#[derive(Clone)]
struct Call {
    provider: &'static str,
    key: String,
    target: String,
    signature: String,
    body: Vec<u8>,
}

/// What stands at the end of one delivery: its state and why, its rung, and what was said of it, each with
/// its code and whether it bounced for good, in the order of words.
#[derive(Debug, Clone, PartialEq)]
struct End {
    state: State,
    reason: Option<Reason>,
    rung: Option<ReceiptKind>,
    said: Vec<(String, Option<String>, Option<Bounce>)>,
}

type Ending = BTreeMap<DeliveryId, End>;

const RECEIPTS: usize = 10_000;

/// So many requests are under way at once, as with a provider that has them ready.
const AT_ONCE: usize = 64;

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_receipts_end_the_same_in_memory() {
    check(|| async { Arc::new(MemoryStore::new()) as Arc<dyn Store> }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_receipts_end_the_same_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let count = AtomicUsize::new(0);
    check(|| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let path = folder.path().join(format!("{number}.db"));
        async move { Arc::new(SqliteStore::open(path).await.unwrap()) as Arc<dyn Store> }
    })
    .await;
}

#[cfg(feature = "__servers")]
#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_receipts_end_the_same_in_postgres() {
    use signalbus_postgres::PostgresStore;

    let url = signalbus_servers::url(signalbus_servers::POSTGRES_URL)
        .unwrap_or_else(|error| panic!("{error}"));
    let count = AtomicUsize::new(0);
    let ids = signalbus::id::IdSource::new(
        Arc::new(signalbus::SystemClock::new()),
        Arc::new(Entropy::from_os()),
    );
    check(|| {
        let number = count.fetch_add(1, Ordering::Relaxed);
        let unique = ids.event().to_string().replace('-', "");
        let schema = format!("replay_{number}_{unique}");
        let builder = PostgresStore::from_url(&url).unwrap().schema(&schema);
        async move { Arc::new(builder.open().await.unwrap()) as Arc<dyn Store> }
    })
    .await;
}

async fn check<F: Future<Output = Arc<dyn Store>>>(open: impl Fn() -> F) {
    let mut endings = Vec::new();
    for shuffled in [false, true] {
        let circle = circle(open().await).await;
        let calls = calls(&circle, RECEIPTS / EACH / 2).await;
        assert_eq!(calls.len(), RECEIPTS);
        let intake = ReceiptIntake::new(Arc::clone(&circle.store))
            .endpoint(mail_endpoint(key("m")))
            .endpoint(text_endpoint(&circle.origin, key("t")));
        let order = order(calls.len(), shuffled);
        let taken = order.into_iter().map(|index| take(&intake, &calls[index]));
        // In order means one after the other.
        let at_once = if shuffled { AT_ONCE } else { 1 };
        stream::iter(taken).buffer_unordered(at_once).count().await;
        endings.push((ending(&circle).await, suppressed(&circle).await));
    }
    let [once, shuffled] = endings.as_slice() else {
        unreachable!("two runs");
    };
    // Ids differ from run to run; places do not.
    let of = |ending: &(Ending, Vec<bool>)| -> Vec<_> { ending.0.values().cloned().collect() };
    assert_eq!(of(once), of(shuffled));
    assert_eq!(once.1, shuffled.1);
    let said: usize = once.0.values().map(|end| end.said.len()).sum();
    assert_eq!(said, RECEIPTS);
    assert!(once.1.iter().any(|suppressed| *suppressed));
    assert!(once.1.iter().any(|suppressed| !*suppressed));
}

/// Each once in order, or three copies of each in any order.
fn order(count: usize, shuffled: bool) -> Vec<usize> {
    if !shuffled {
        return (0..count).collect();
    }
    let entropy = Entropy::from_seed(7);
    let mut order: Vec<usize> = (0..count).flat_map(|index| [index; 3]).collect();
    for at in (1..order.len()).rev() {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "small numbers"
        )]
        let other = (entropy.fraction() * (at + 1) as f64) as usize;
        order.swap(at, other);
    }
    order
}

/// So many mails and so many texts, and five receipts of each.
async fn calls(circle: &Circle, people: usize) -> Vec<Call> {
    for number in 0..people {
        circle.publish(&format!("ada{number}@example.org")).await;
    }
    for number in 0..people {
        circle.publish(&format!("+4477009{number:05}")).await;
    }
    circle.signalbus.idle().await;
    let mut calls = Vec::new();
    let mails = circle.mailgun.mails();
    assert_eq!(mails.len(), people);
    for mail in by_address(mails) {
        for (event, more) in story(number_of(&mail)) {
            let event = circle.mailgun.happens(&mail, event, &more);
            calls.push(Call {
                provider: "mailgun",
                key: "m".repeat(32),
                target: "/".to_owned(),
                signature: String::new(),
                body: circle.mailgun.webhook(&event).bytes(),
            });
        }
    }
    let mut texts = circle.twilio.texts();
    assert_eq!(texts.len(), people);
    texts.sort_by_key(|text| text.field("To").unwrap().to_owned());
    for (number, text) in texts.iter().enumerate() {
        let (last, code) = match number % 4 {
            0 => ("undelivered", Some(30003)),
            1 => ("undelivered", Some(30005)),
            2 => ("read", None),
            _ => ("delivered", None),
        };
        for (status, code) in [
            ("queued", None),
            ("sending", None),
            ("sent", None),
            ("canceled", None),
            (last, code),
        ] {
            let callback = circle.twilio.callback(text, status, code).unwrap();
            calls.push(Call {
                provider: "twilio",
                key: "t".repeat(32),
                target: callback
                    .url
                    .strip_prefix(&circle.origin)
                    .unwrap()
                    .to_owned(),
                signature: callback.signature(),
                body: callback.body(),
            });
        }
    }
    calls
}

fn number_of(mail: &Mail) -> usize {
    let digits: String = mail
        .field("to")
        .unwrap()
        .chars()
        .filter(char::is_ascii_digit)
        .collect();
    digits.parse().unwrap()
}

fn by_address(mut mails: Vec<Mail>) -> Vec<Mail> {
    mails.sort_by_key(number_of);
    mails
}

/// Five things that happen to a mail; the last differs.
fn story(number: usize) -> Vec<(&'static str, Value)> {
    let last = match number % 4 {
        0 => ("failed", hard_bounce()),
        1 => ("complained", json!({})),
        2 => (
            "failed",
            json!({ "severity": "permanent", "delivery-status": { "enhanced-code": "5.7.26" } }),
        ),
        _ => ("clicked", json!({})),
    };
    vec![
        ("accepted", json!({})),
        ("failed", json!({ "severity": "temporary" })),
        ("delivered", json!({})),
        ("opened", json!({})),
        last,
    ]
}

async fn take(intake: &ReceiptIntake, call: &Call) {
    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/x-www-form-urlencoded"),
        ("x-twilio-signature", call.signature.as_bytes()),
    ];
    let request = Callback {
        method: "POST",
        target: &call.target,
        headers: &headers,
        body: &call.body,
    };
    let taken = intake.take(call.provider, &call.key, &request).await;
    assert_eq!(taken.status, 200);
}

async fn ending(circle: &Circle) -> Ending {
    let mut ending = Ending::new();
    let mut page = PageToken::first(1000);
    loop {
        let found = circle
            .store
            .list(&DeliveryFilter::new(), page)
            .await
            .unwrap();
        for delivery in found.items {
            let history = circle
                .store
                .history(&delivery.tenant, delivery.id)
                .await
                .unwrap();
            let mut said: Vec<_> = history
                .into_iter()
                .filter_map(|line| match line.entry {
                    Entry::Receipt {
                        kind, code, bounce, ..
                    } => Some((kind.as_str().to_owned(), code, bounce)),
                    _ => None,
                })
                .collect();
            said.sort_unstable_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
            let end = End {
                state: delivery.state,
                reason: delivery.reason,
                rung: delivery.receipt,
                said,
            };
            ending.insert(delivery.id, end);
        }
        match found.next {
            Some(next) => page = next,
            None => return ending,
        }
    }
}

/// Who gets nothing any more, asked by sending.
async fn suppressed(circle: &Circle) -> Vec<bool> {
    let mut suppressed = Vec::new();
    for number in 0..40 {
        for to in [
            format!("ada{number}@example.org"),
            format!("+4477009{number:05}"),
        ] {
            let id = circle.send("default", &to).await;
            let state = circle.delivery("default", id).await.state;
            suppressed.push(state == State::Ended(EndState::Suppressed));
        }
    }
    suppressed
}
