use std::{env, fs, path::Path, time::Duration};

use serde_json::{Value, json};
use signalbus::provider::{Fault, Outcome};
use signalbus_testkit::fakes::Act;

use crate::support::{Parcel, stage};

use Fault::{Configuration, Message, Provider, Quota, Recipient};
use Outcome::{Permanent, Retryable, Unknown};

/// Every row of the table of errors, and what is not in it.
const TABLE: &[(u16, &str, Outcome, Fault)] = &[
    (302, "", Permanent, Configuration),
    (400, "from parameter is missing", Permanent, Message),
    (
        400,
        "to parameter is not a valid address. please check documentation",
        Permanent,
        Recipient,
    ),
    (
        400,
        "cc parameter is not a valid address. please check documentation",
        Permanent,
        Message,
    ),
    (
        400,
        "bcc parameter is not a valid address. please check documentation",
        Permanent,
        Message,
    ),
    (
        400,
        "from parameter is not a valid address. please check documentation",
        Permanent,
        Message,
    ),
    (
        400,
        "Need at least one of 'text' or 'html' parameters specified",
        Permanent,
        Message,
    ),
    (400, "Header name must be pure ASCII: x", Permanent, Message),
    (
        400,
        "Domain mg.acme.test is not allowed to send: Free accounts are for test purposes only.",
        Permanent,
        Configuration,
    ),
    (
        400,
        "Domain mg.acme.test is not allowed to send: The domain is unverified",
        Permanent,
        Configuration,
    ),
    (
        400,
        "is not a valid secondary dkim domain name",
        Permanent,
        Configuration,
    ),
    (400, "a text nobody has seen", Permanent, Message),
    (401, "Forbidden", Permanent, Configuration),
    (402, "", Permanent, Configuration),
    (
        403,
        "Domain mg.acme.test is not allowed to send large batches yet",
        Permanent,
        Configuration,
    ),
    (
        403,
        "Rejected: IP 192.0.2.1 can't be used to send the message",
        Permanent,
        Configuration,
    ),
    (
        404,
        "Domain not found: mg.acme.test",
        Permanent,
        Configuration,
    ),
    (405, "", Permanent, Configuration),
    (
        413,
        "request size exceeds 52.4MiB limit",
        Permanent,
        Message,
    ),
    (418, "", Permanent, Message),
    (429, "request limit exceeded", Retryable, Quota),
    (500, "Internal Server Error", Retryable, Provider),
    (502, "", Unknown, Provider),
    (503, "", Retryable, Provider),
    (504, "", Unknown, Provider),
    (599, "", Unknown, Provider),
];

#[tokio::test]
async fn an_answer_says_what_became_of_the_mail_and_whose_fault_it_was() {
    let stage = stage(|config| config).await;
    for (status, text, outcome, fault) in TABLE {
        // What Mailgun writes may quote an address: it is not passed on.
        let body = json!({ "message": format!("{text} c4n4ry") }).to_string();
        stage.fake.play([Act::answer(*status, body)]);
        let error = stage.send(&Parcel::new()).await.unwrap_err();
        let got = (error.outcome(), error.fault());
        assert_eq!(got, (*outcome, *fault), "{status} {text}");
        assert_eq!(error.code(), Some(status.to_string().as_str()));
        assert!(!format!("{error} {error:?}").contains("c4n4ry"));
        assert!(error.suppresses().is_none(), "{status} {text}");
    }
    assert!(stage.fake.mails().is_empty());
}

#[tokio::test]
async fn the_wait_is_taken_from_the_text_or_the_header() {
    // The clock of the stage stands at the beginning of 2030.
    let at = "Tue, 01 Jan 2030 00:01:30 UTC";
    let in_text = |text: &str| Act::answer(429, json!({ "message": text }).to_string());
    let header = Act::Answer {
        status: 429,
        headers: vec![("Retry-After".to_owned(), "7".to_owned())],
        body: json!({ "message": "try again after 120 seconds" }).to_string(),
    };
    let stage = stage(|config| config).await;
    for (act, seconds) in [
        (
            in_text(&format!("request limit exceeded, try again after {at}")),
            Some(90),
        ),
        (
            in_text("account-requests-per-sec limit exceeded, try again after 120 seconds"),
            Some(120),
        ),
        (header, Some(7)),
        (in_text("limit exceeded"), None),
    ] {
        stage.fake.play([act]);
        let error = stage.send(&Parcel::new()).await.unwrap_err();
        assert_eq!(error.retry_after(), seconds.map(Duration::from_secs));
    }
}

/// Each cut and silence tells exactly whether the mail was possibly sent; the fake's books say whether it
/// was.
#[tokio::test]
async fn what_is_lost_on_the_way_is_told_from_what_may_have_been_sent() {
    let config = |config: signalbus_mailgun::MailgunConfig| config;
    for (act, outcome, taken) in [
        (Act::CutRequest(0), Unknown, 0),
        (Act::CutRequest(100), Unknown, 0),
        (Act::TakeAndCut, Unknown, 1),
        (Act::CutAnswer(0), Unknown, 1),
        (Act::CutAnswer(20), Unknown, 1),
        (Act::Malformed, Unknown, 1),
    ] {
        let stage = stage(config).await;
        stage.fake.play([act.clone()]);
        let parcel = Parcel::new();
        let error = stage.send(&parcel).await.unwrap_err();
        assert_eq!(error.outcome(), outcome, "{act:?}");
        assert!(parcel.latch.is_set(), "{act:?}");
        assert_eq!(stage.fake.mails().len(), taken, "{act:?}");
    }
}

/// The status stands when the rest of the answer is lost: 200 means queued.
#[tokio::test]
async fn a_mail_is_taken_when_only_its_name_is_lost() {
    for act in [Act::CutAnswer(95), Act::Huge] {
        let stage = stage(|config| config).await;
        stage.fake.play([act.clone()]);
        let sent = stage.send(&Parcel::new()).await.unwrap();
        assert_eq!(sent.id(), None, "{act:?}");
        assert_eq!(stage.fake.mails().len(), 1);
    }
}

#[tokio::test]
async fn the_name_of_a_mail_has_no_brackets_as_in_events() {
    let stage = stage(|config| config).await;
    let sent = stage.send(&Parcel::new()).await.unwrap();
    assert_eq!(sent.id(), Some(stage.fake.mails()[0].id.as_str()));
    assert!(!sent.id().unwrap().contains('<'));
}

/// The pairs of Mailgun's own table, where they are given: none is unknown, and none blames the
/// recipient for another's fault.
#[tokio::test]
async fn the_vendors_own_table_is_understood() {
    let Ok(folder) = env::var("SIGNALBUS_VECTORS") else {
        return;
    };
    let text = fs::read_to_string(Path::new(&folder).join("mailgun_send_errors.jsonl")).unwrap();
    let stage = stage(|config| config).await;
    let mut rows = 0;
    for line in text.lines().filter(|line| !line.is_empty()) {
        let row: Value = serde_json::from_str(line).unwrap();
        let status = u16::try_from(row["status"].as_u64().unwrap()).unwrap();
        let message = row["body"]["message"].as_str().unwrap();
        stage
            .fake
            .play([Act::answer(status, row["body"].to_string())]);
        let error = stage.send(&Parcel::new()).await.unwrap_err();
        assert_ne!(error.outcome(), Outcome::Unknown, "{line}");
        let recipient = message.starts_with("to parameter is not");
        assert_eq!(error.fault() == Fault::Recipient, recipient, "{line}");
        assert_eq!(error.fault() == Fault::Quota, status == 429, "{line}");
        let configured = matches!(status, 401 | 403 | 404)
            || message.contains("not allowed to send:") && status == 400
            || message.contains("secondary dkim");
        assert_eq!(error.fault() == Fault::Configuration, configured, "{line}");
        if status == 429 {
            assert!(error.retry_after().is_some(), "{line}");
        }
        rows += 1;
    }
    assert!(rows > 30);
}
