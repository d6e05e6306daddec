use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};
use signalbus::{
    Clock,
    provider::{Callback, CallbackError, Heard, ReceiptSource, Report},
    store::{Bounce, Cause, ReceiptKind},
};
use signalbus_mailgun::{MailgunReceipts, ReceiptsConfig, SigningKey};
use signalbus_testkit::fakes::mailgun::{FakeMailgun, Mail, Webhook};

use crate::support::{Parcel, Stage, stage};

/// A mail that was sent, and the source of what is said about it.
struct Told {
    stage: Stage,
    mail: Mail,
    parcel: Parcel,
    source: MailgunReceipts,
}

async fn told() -> Told {
    let stage = stage(|config| config).await;
    let mut parcel = Parcel::new();
    parcel.generation = 1;
    stage.send(&parcel).await.unwrap();
    let config = ReceiptsConfig::new(SigningKey::new(FakeMailgun::SIGNING_KEY))
        .clock(Arc::new(stage.clock.clone()));
    Told {
        mail: stage.fake.mails().remove(0),
        source: MailgunReceipts::new(config).unwrap(),
        stage,
        parcel,
    }
}

impl Told {
    fn webhook(&self, event: &str, more: &Value) -> Webhook {
        let event = self.stage.fake.happens(&self.mail, event, more);
        self.stage.fake.webhook(&event)
    }

    async fn read(&self, webhook: &Webhook) -> Result<Heard, CallbackError> {
        with_callback(&webhook.bytes(), async |callback| {
            self.source.read(callback).await
        })
        .await
    }

    async fn recorded(&self, webhook: &Webhook) {
        with_callback(&webhook.bytes(), async |callback| {
            self.source.recorded(callback).await
        })
        .await;
    }

    async fn report(&self, event: &str, more: &Value) -> Report {
        let mut heard = self.read(&self.webhook(event, more)).await.unwrap();
        assert!(heard.inbound.is_none());
        heard.reports.remove(0)
    }
}

async fn with_callback<T>(body: &[u8], then: impl AsyncFnOnce(&Callback<'_>) -> T) -> T {
    let callback = Callback {
        method: "POST",
        target: "/receipts/mailgun/key",
        headers: &[("content-type", b"application/json")],
        body,
    };
    then(&callback).await
}

#[tokio::test]
async fn a_webhook_says_what_became_of_the_mail() {
    let told = told().await;
    let bounce = |code: i64, enhanced: &str| {
        json!({ "severity": "permanent", "reason": "bounce",
            "delivery-status": { "code": code, "enhanced-code": enhanced } })
    };
    let failed = |severity: &str, reason: &str, code: i64| json!({ "severity": severity, "reason": reason, "delivery-status": { "code": code } });
    let none = json!({});
    use Bounce::{Hard, Soft};
    use ReceiptKind::{Bounced, Clicked, Complained, Deferred, Delivered, Opened};
    let other = |word: &str| ReceiptKind::Other(word.to_owned());
    for (event, more, kind, permanence, suppress) in [
        ("accepted", &none, other("accepted"), None, None),
        ("delivered", &none, Delivered, None, None),
        (
            "failed",
            &failed("temporary", "generic", 421),
            Deferred,
            Some(Soft),
            None,
        ),
        (
            "temporary_fail",
            &failed("temporary", "generic", 421),
            Deferred,
            Some(Soft),
            None,
        ),
        (
            "failed",
            &bounce(550, "5.1.1"),
            Bounced,
            Some(Hard),
            Some("bounced"),
        ),
        (
            "permanent_fail",
            &bounce(550, "5.1.1"),
            Bounced,
            Some(Hard),
            Some("bounced"),
        ),
        (
            "failed",
            &bounce(556, "5.1.10"),
            Bounced,
            Some(Hard),
            Some("bounced"),
        ),
        // A full mailbox, and refusals of the sender: the address is innocent.
        ("failed", &bounce(552, "5.2.2"), Bounced, Some(Soft), None),
        ("failed", &bounce(550, "5.7.26"), Bounced, Some(Soft), None),
        ("failed", &bounce(550, "5.7.515"), Bounced, Some(Soft), None),
        (
            "failed",
            &failed("permanent", "suppress-bounce", 605),
            Bounced,
            Some(Hard),
            Some("bounced"),
        ),
        (
            "failed",
            &failed("permanent", "generic", 554),
            Bounced,
            Some(Soft),
            None,
        ),
        (
            "failed",
            &failed("permanent", "old", 602),
            Bounced,
            Some(Soft),
            None,
        ),
        (
            "rejected",
            &json!({ "reason": "bounce" }),
            Bounced,
            Some(Soft),
            None,
        ),
        ("complained", &none, Complained, None, Some("complained")),
        (
            "unsubscribed",
            &none,
            other("unsubscribed"),
            None,
            Some("unsubscribed"),
        ),
        ("opened", &none, Opened, None, None),
        ("clicked", &none, Clicked, None, None),
        (
            "a_kind_of_tomorrow",
            &none,
            other("a_kind_of_tomorrow"),
            None,
            None,
        ),
    ] {
        let report = told.report(event, more).await;
        assert_eq!(report.kind, kind, "{event} {more}");
        assert_eq!(report.bounce, permanence, "{event} {more}");
        assert_eq!(report.suppress, suppress.map(Cause::from), "{event} {more}");
        assert_eq!(report.tenant.as_ref(), Some(&told.stage.tenant));
        assert_eq!(
            (report.delivery, report.generation),
            (Some(told.parcel.id), 1)
        );
        assert_eq!(report.message.as_deref(), Some(told.mail.id.as_str()));
        assert_eq!(report.address.as_deref(), Some("Ada@example.org"));
        assert_eq!(report.occurred_at, Some(told.stage.clock.now()));
        assert!(!format!("{report:?}").to_lowercase().contains("ada@"));
    }
}

#[tokio::test]
async fn details_are_kept_when_they_are_words() {
    let told = told().await;
    let more = json!({ "severity": "permanent", "reason": "bounce",
        "delivery-status": { "code": 550, "enhanced-code": "5.1.1", "message": "no ada@example.org" } });
    let report = told.report("failed", &more).await;
    assert_eq!(report.code.as_deref(), Some("550 5.1.1"));
    assert_eq!(report.detail.as_deref(), Some("bounce"));
    let more = json!({ "severity": "permanent", "reason": "ada@example.org is not here" });
    assert_eq!(told.report("failed", &more).await.detail, None);
    let by_machine = json!({ "client-info": { "bot": "apple" } });
    assert!(told.report("opened", &by_machine).await.by_machine);
    assert!(
        !told
            .report("opened", &json!({ "client-info": { "bot": "" } }))
            .await
            .by_machine
    );
}

/// Somebody in copy is somebody else: what is said of them concerns their address, and not the delivery.
#[tokio::test]
async fn a_bounce_of_a_copy_is_no_bounce_of_the_mail() {
    let told = told().await;
    let mut more = json!({ "severity": "permanent", "reason": "bounce",
        "delivery-status": { "code": 550, "enhanced-code": "5.1.1" } });
    more["recipient"] = "bob@example.org".into();
    let report = told.report("failed", &more).await;
    assert_eq!(report.kind, ReceiptKind::Other("copy_bounced".to_owned()));
    assert_eq!(report.kind.rank(), 0);
    assert_eq!(report.delivery, Some(told.parcel.id));
    assert_eq!(report.address.as_deref(), Some("bob@example.org"));
    assert_eq!(
        (report.bounce, report.suppress),
        (Some(Bounce::Hard), Some(Cause::Bounced))
    );
    more["recipient"] = "ADA@example.org".into();
    assert_eq!(
        told.report("failed", &more).await.kind,
        ReceiptKind::Bounced
    );
}

/// A bounce may come by mail after the mail had been delivered.
#[tokio::test]
async fn a_late_bounce_is_a_bounce() {
    let told = told().await;
    let more = json!({ "severity": "permanent", "flags": { "is-delayed-bounce": true },
        "delivery-status": { "code": 550, "enhanced-code": "5.1.1" } });
    let report = told.report("failed", &more).await;
    assert_eq!(report.kind, ReceiptKind::Bounced);
    assert!(report.kind.rank() > ReceiptKind::Delivered.rank());
}

/// Mailgun's id is unique within a day only, and the same event may come by a webhook of the domain, one
/// of the account, and the event interface.
#[tokio::test]
async fn a_statement_has_one_name_however_it_comes() {
    let told = told().await;
    let event = told.stage.fake.happens(&told.mail, "delivered", &json!({}));
    let mut ids = Vec::new();
    for _ in 0..3 {
        let webhook = told.stage.fake.webhook(&event);
        ids.push(told.read(&webhook).await.unwrap().reports.remove(0).id);
    }
    assert!(ids.iter().all(|id| *id == ids[0]));
    let mut other = event.clone();
    other["timestamp"] = json!(event["timestamp"].as_f64().unwrap() + 86_400.0);
    let webhook = told.stage.fake.webhook(&other);
    assert_ne!(told.read(&webhook).await.unwrap().reports[0].id, ids[0]);
}

#[tokio::test]
async fn what_is_not_signed_is_refused() {
    let told = told().await;
    let now = told.stage.clock.now();
    let event = told
        .stage
        .fake
        .happens(&told.mail, "complained", &json!({}));
    let forged = Webhook::sign("another key", &event, now, 1);
    assert!(matches!(
        told.read(&forged).await,
        Err(CallbackError::Forged)
    ));
    for body in [
        "",
        "{}",
        "[]",
        "null",
        "{\"signature\":{}}",
        "\u{feff}",
        "{\"signature\":7}",
    ] {
        let result = with_callback(body.as_bytes(), async |callback| {
            told.source.read(callback).await
        })
        .await;
        assert!(matches!(result, Err(CallbackError::Forged)), "{body}");
    }
}

/// The signature does not cover the event: who has caught one could otherwise say anything.
#[tokio::test]
async fn a_caught_signature_does_not_vouch_for_another_event() {
    let told = told().await;
    let webhook = told.webhook("delivered", &json!({}));
    told.read(&webhook).await.unwrap();
    told.recorded(&webhook).await;
    let complaint = told
        .stage
        .fake
        .happens(&told.mail, "complained", &json!({}));
    let forged = webhook.with_event(&complaint);
    assert!(matches!(
        told.read(&forged).await,
        Err(CallbackError::Replayed)
    ));
    // The same webhook again, because our answer was lost, is no replay.
    told.read(&webhook).await.unwrap();
}

/// Or a retry after a failure of ours would look like a replay.
#[tokio::test]
async fn a_token_is_used_when_the_event_is_recorded_and_not_before() {
    let told = told().await;
    let webhook = told.webhook("delivered", &json!({}));
    for _ in 0..3 {
        told.read(&webhook).await.unwrap();
    }
    let other = told.stage.fake.happens(&told.mail, "opened", &json!({}));
    told.read(&webhook.with_event(&other)).await.unwrap();
}

#[tokio::test]
async fn a_used_token_is_remembered_as_long_as_its_signature_is_good() {
    let told = told().await;
    let webhook = told.webhook("delivered", &json!({}));
    told.recorded(&webhook).await;
    let other = told
        .stage
        .fake
        .happens(&told.mail, "complained", &json!({}));
    let forged = webhook.with_event(&other);
    let hour = std::time::Duration::from_secs(3600);
    for _ in 0..9 {
        assert!(matches!(
            told.read(&forged).await,
            Err(CallbackError::Replayed)
        ));
        told.stage.clock.advance(hour);
        // Whenever a token is marked, old ones are forgotten.
        told.recorded(&told.webhook("opened", &json!({}))).await;
    }
    told.stage.clock.advance(hour);
    assert!(matches!(
        told.read(&forged).await,
        Err(CallbackError::Stale)
    ));
    assert!(matches!(
        told.read(&webhook).await,
        Err(CallbackError::Stale)
    ));
}

#[tokio::test]
async fn a_signed_event_that_cannot_be_read_is_malformed() {
    let told = told().await;
    for event in [
        json!(null),
        json!({}),
        json!({ "id": 7, "event": "delivered" }),
        json!("x"),
    ] {
        let webhook = told.stage.fake.webhook(&event);
        let result = told.read(&webhook).await;
        assert!(
            matches!(result, Err(CallbackError::Malformed(_))),
            "{event}"
        );
    }
}

#[tokio::test]
async fn a_mail_that_is_not_ours_is_told_by_its_message_id_only() {
    let told = told().await;
    let more = json!({ "user-variables": { "signalbus": "../../etc/passwd" } });
    let report = told.report("delivered", &more).await;
    assert_eq!((report.tenant, report.delivery), (None, None));
    assert!(report.message.is_some());
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,20}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 20, 5, |inner| {
        let names = prop_oneof![
            Just("id"),
            Just("event"),
            Just("timestamp"),
            Just("@timestamp"),
            Just("severity"),
            Just("delivery-status"),
            Just("code"),
            Just("flags"),
            Just("user-variables"),
            Just("signalbus"),
            Just("message"),
            Just("headers"),
            Just("message-id"),
            Just("recipient"),
        ];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(names.prop_map(str::to_owned), inner, 0..8)
                .prop_map(Value::from_iter),
        ]
    })
}

proptest! {
    /// Whatever is signed is read or refused, and a report of it can be made.
    #[test]
    fn nothing_that_is_signed_brings_us_down(event in json_value(), name in ".{0,10}", at in any::<f64>()) {
        let mut event = event;
        if let Value::Object(fields) = &mut event {
            fields.insert("id".to_owned(), name.clone().into());
            fields.insert("event".to_owned(), "failed".into());
            fields.insert("timestamp".to_owned(), at.into());
        }
        if let Some(event) = signalbus_mailgun::MailgunEvent::read(&event) {
            let report = event.report();
            prop_assert_eq!(report.id.len(), 32);
            prop_assert_eq!(report.kind, ReceiptKind::Bounced);
        }
    }
}
