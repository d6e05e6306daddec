use proptest::prelude::*;
use signalbus::{
    provider::{Callback as Request, CallbackError, Heard, Intent, ReceiptSource},
    store::{Bounce, Cause, ReceiptKind},
};
use signalbus_testkit::fakes::twilio::{Callback, FakeTwilio, Text};
use signalbus_twilio::{AuthTokens, Class, Code, ReceiptsConfig, TwilioReceipts};

use crate::support::{FROM, Parcel, Stage, stage};

const ORIGIN: &str = "https://notify.acme.test";

struct Told {
    stage: Stage,
    text: Text,
    parcel: Parcel,
}

async fn told() -> Told {
    let stage = stage(|config| config).await;
    let mut parcel = Parcel::new();
    parcel.generation = 1;
    stage.send(&parcel).await.unwrap();
    Told {
        text: stage.fake.texts().remove(0),
        stage,
        parcel,
    }
}

fn config() -> ReceiptsConfig {
    ReceiptsConfig::new(AuthTokens::new(FakeTwilio::TOKEN), ORIGIN)
}

fn source() -> TwilioReceipts {
    TwilioReceipts::new(config()).unwrap()
}

/// As it comes in behind a proxy that ends TLS: the host of the request says nothing.
async fn read(source: &TwilioReceipts, callback: &Callback) -> Result<Heard, CallbackError> {
    let target = callback.url.strip_prefix(ORIGIN).unwrap_or(&callback.url);
    let signature = callback.signature();
    let headers: [(&str, &[u8]); 3] = [
        ("host", b"10.0.0.7:8080"),
        (
            "content-type",
            b"application/x-www-form-urlencoded; charset=UTF-8",
        ),
        ("X-Twilio-Signature", signature.as_bytes()),
    ];
    let body = callback.body();
    let request = Request {
        method: "POST",
        target,
        headers: &headers,
        body: &body,
    };
    source.read(&request).await
}

#[tokio::test]
async fn a_status_says_what_became_of_the_text() {
    let told = told().await;
    let other = |word: &str| ReceiptKind::Other(word.to_owned());
    for (status, kind) in [
        ("queued", other("queued")),
        ("accepted", other("accepted")),
        ("scheduled", other("scheduled")),
        ("sending", ReceiptKind::Sent),
        ("sent", ReceiptKind::Sent),
        ("delivered", ReceiptKind::Delivered),
        ("undelivered", ReceiptKind::Bounced),
        ("failed", ReceiptKind::Bounced),
        ("read", ReceiptKind::Opened),
        ("canceled", other("canceled")),
        ("partially_delivered", other("partially_delivered")),
        ("of_tomorrow", other("of_tomorrow")),
    ] {
        let callback = told.stage.fake.callback(&told.text, status, None).unwrap();
        let report = read(&source(), &callback).await.unwrap().reports.remove(0);
        assert_eq!(report.kind, kind, "{status}");
        assert_eq!(report.tenant.as_ref(), Some(&told.stage.tenant));
        assert_eq!(
            (report.delivery, report.generation),
            (Some(told.parcel.id), 1)
        );
        assert_eq!(report.message.as_deref(), Some(told.text.sid.as_str()));
        assert_eq!(report.id, format!("{}:{status}", told.text.sid));
        assert_eq!(report.suppress, None);
        assert!(!format!("{report:?}").contains("7700"));
    }
}

/// Every code of the table: only a number that is no good, or somebody who opted out, is not written to
/// again; an opt-out is about the sender.
#[tokio::test]
async fn a_code_says_what_follows_for_the_number() {
    let told = told().await;
    for code in Code::all() {
        let callback = told
            .stage
            .fake
            .callback(&told.text, "undelivered", Some(code.number));
        let report = read(&source(), &callback.unwrap())
            .await
            .unwrap()
            .reports
            .remove(0);
        assert_eq!(
            report.code.as_deref(),
            Some(code.number.to_string().as_str())
        );
        assert_eq!(report.bounce, Some(code.class.bounce()));
        assert_eq!(report.detail.as_deref(), Some(code.message));
        let (suppress, sender) = match code.class {
            Class::BadRecipient => (Some("bounced"), None),
            Class::OptedOut => (Some("unsubscribed"), Some(FROM)),
            _ => (None, None),
        };
        assert_eq!(
            report.suppress,
            suppress.map(Cause::from),
            "{}",
            code.number
        );
        assert_eq!(report.sender.as_deref(), sender);
    }
    let callback = told
        .stage
        .fake
        .callback(&told.text, "failed", Some(39_999))
        .unwrap();
    let report = read(&source(), &callback).await.unwrap().reports.remove(0);
    assert_eq!(report.code.as_deref(), Some("39999"));
    assert_eq!(report.bounce, Some(Bounce::Soft));
    assert_eq!(report.suppress, None);
}

#[tokio::test]
async fn fields_that_twilio_adds_are_signed_and_left_alone() {
    let told = told().await;
    let callback = told
        .stage
        .fake
        .callback(&told.text, "delivered", None)
        .unwrap();
    let callback = callback
        .field("RawDlrDoneDate", "3001010000")
        .field("Ünï", "&=+ x")
        .field("Ünï", "b");
    read(&source(), &callback).await.unwrap();
}

#[tokio::test]
async fn what_is_not_signed_is_refused() {
    let told = told().await;
    let callback = told
        .stage
        .fake
        .callback(&told.text, "delivered", None)
        .unwrap();
    let forged = callback.clone().signed_with("another token");
    assert!(matches!(
        read(&source(), &forged).await,
        Err(CallbackError::Forged)
    ));
    let mut moved = callback.clone();
    // The delivery stands in the URL, which the signature covers.
    moved.url = callback.url.replace("acme%2F", "other%2F");
    let signature = callback.signature();
    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/x-www-form-urlencoded"),
        ("x-twilio-signature", signature.as_bytes()),
    ];
    let body = moved.body();
    let mut request = Request {
        method: "POST",
        target: moved.url.strip_prefix(ORIGIN).unwrap(),
        headers: &headers,
        body: &body,
    };
    assert!(matches!(
        source().read(&request).await,
        Err(CallbackError::Forged)
    ));
    request.headers = &headers[..1];
    assert!(matches!(
        source().read(&request).await,
        Err(CallbackError::Forged)
    ));
    request.method = "GET";
    assert!(matches!(
        source().read(&request).await,
        Err(CallbackError::Unsupported)
    ));
}

#[tokio::test]
async fn a_path_that_a_proxy_takes_away_is_put_back() {
    let told = told().await;
    let callback = told
        .stage
        .fake
        .callback(&told.text, "delivered", None)
        .unwrap();
    let source = TwilioReceipts::new(config().stripped_path("/receipts/")).unwrap();
    let signature = callback.signature();
    let headers: [(&str, &[u8]); 2] = [
        ("content-type", b"application/x-www-form-urlencoded"),
        ("x-twilio-signature", signature.as_bytes()),
    ];
    let body = callback.body();
    let target = callback.url.strip_prefix(ORIGIN).unwrap();
    let request = Request {
        method: "POST",
        target: target.strip_prefix("/receipts").unwrap(),
        headers: &headers,
        body: &body,
    };
    source.read(&request).await.unwrap();
}

async fn inbound(
    config: ReceiptsConfig,
    text: &str,
    opt_out_type: Option<&str>,
) -> (Heard, String) {
    let fake = FakeTwilio::start().await;
    let url = format!("{ORIGIN}/receipts/twilio/k3y");
    let mut callback = fake.inbound(&url, "+447700900123", FROM, text);
    if let Some(word) = opt_out_type {
        callback = callback.field("OptOutType", word);
    }
    let source = TwilioReceipts::new(config).unwrap();
    let heard = read(&source, &callback).await.unwrap();
    let (content_type, reply) = source.reply(&heard).unwrap();
    assert_eq!(content_type, "text/xml");
    (heard, reply)
}

#[tokio::test]
async fn a_text_to_us_says_what_its_writer_wants() {
    for (text, opt_out_type, intent) in [
        ("STOP", None, Intent::Stop),
        ("start", None, Intent::Start),
        ("Hilfe!", None, Intent::Help),
        ("Where is my parcel?", None, Intent::Other),
        // A messaging service has words of its own.
        ("Basta cosi", Some("STOP"), Intent::Stop),
        ("Ciao", Some("START"), Intent::Start),
        ("?", Some("HELP"), Intent::Help),
    ] {
        let (heard, _) = inbound(config(), text, opt_out_type).await;
        let inbound = heard.inbound.unwrap();
        assert_eq!(inbound.intent, intent, "{text}");
        assert_eq!(
            (inbound.from.as_str(), inbound.to.as_str()),
            ("+447700900123", FROM)
        );
        assert_eq!(inbound.text, text);
        assert!(heard.reports.is_empty());
        let shown = format!("{inbound:?}");
        assert!(!shown.contains("7700") && !shown.contains(text));
    }
}

/// The confirmation of a stop goes out with the answer to Twilio, so that no suppression holds it back; and
/// only once, when Twilio does not say it already.
#[tokio::test]
async fn a_stop_is_confirmed_once() {
    let empty = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response/>";
    let ours = || config().answers("Bye <you> & yours", "Hi", "Help");
    assert_eq!(inbound(config(), "STOP", None).await.1, empty);
    assert_eq!(inbound(ours(), "STOP", Some("STOP")).await.1, empty);
    assert_eq!(inbound(ours(), "What?", None).await.1, empty);
    let (_, reply) = inbound(ours(), "STOP", None).await;
    assert!(reply.ends_with("<Response><Message>Bye &lt;you&gt; &amp; yours</Message></Response>"));
    assert!(
        inbound(ours(), "START", None)
            .await
            .1
            .contains("<Message>Hi<")
    );
    assert!(
        inbound(ours(), "HELP", None)
            .await
            .1
            .contains("<Message>Help<")
    );
}

#[tokio::test]
async fn a_status_needs_no_twiml() {
    let told = told().await;
    let callback = told
        .stage
        .fake
        .callback(&told.text, "delivered", None)
        .unwrap();
    let heard = read(&source(), &callback).await.unwrap();
    assert_eq!(source().reply(&heard), None);
}

proptest! {
    /// Whatever is signed is read or refused.
    #[test]
    fn nothing_that_is_signed_brings_us_down(
        query in "[ -~]{0,40}",
        fields in prop::collection::vec((
            prop_oneof![
                Just("MessageSid".to_owned()), Just("MessageStatus".to_owned()), Just("SmsStatus".to_owned()),
                Just("ErrorCode".to_owned()), Just("Body".to_owned()), Just("From".to_owned()), ".{0,8}",
            ],
            prop_oneof![Just("failed".to_owned()), Just("received".to_owned()), ".{0,20}"],
        ), 0..8),
    ) {
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        let body = form.extend_pairs(&fields).finish();
        let target = format!("/r?d={query}");
        let mut sorted: std::collections::BTreeMap<&str, std::collections::BTreeSet<&str>> =
            std::collections::BTreeMap::new();
        for (name, value) in &fields {
            sorted.entry(name).or_default().insert(value);
        }
        let mut signed = format!("{ORIGIN}{target}");
        for (name, values) in &sorted {
            for value in values {
                signed.push_str(name);
                signed.push_str(value);
            }
        }
        let signature = crate::signatures::sign_with(FakeTwilio::TOKEN, &signed);
        let headers: [(&str, &[u8]); 2] = [
            ("content-type", b"application/x-www-form-urlencoded"),
            ("x-twilio-signature", signature.as_bytes()),
        ];
        let request = Request { method: "POST", target: &target, headers: &headers, body: body.as_bytes() };
        let source = source();
        let result = at_once(source.read(&request));
        prop_assert!(!matches!(result, Err(CallbackError::Forged)), "it is signed");
        if let Ok(heard) = result {
            let _ = source.reply(&heard);
        }
    }
}

/// Reading waits for nothing.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match future.as_mut().poll(&mut context) {
        std::task::Poll::Ready(done) => done,
        std::task::Poll::Pending => panic!("it waits"),
    }
}
