use mail_parser::HeaderForm;
use signalbus::channel::email::{EmailOptions, Header, Unsubscribe};
use signalbus_smtp::{MessageError, to_eml};

use crate::support::{DELIVERY, Draft, eml, names, read};

#[test]
fn the_headers_of_a_plain_mail() {
    let eml = Draft::default().eml();
    let mail = read(&eml);
    assert_eq!(
        names(&mail),
        [
            "Date",
            "From",
            "To",
            "Subject",
            "Message-ID",
            "MIME-Version",
            "Content-Type",
            "Content-Transfer-Encoding",
        ]
    );
    assert_eq!(mail.date().unwrap().to_rfc3339(), "2026-11-23T10:15:30Z");
    assert_eq!(mail.message_id(), Some(&*format!("{DELIVERY}@acme.test")));
}

#[test]
fn the_same_message_gives_the_same_bytes() {
    let draft = || Draft {
        html: Some("<p>Hi</p>".to_owned()),
        attachments: vec![signalbus::Attachment::new("a", "a/b", &b"x"[..])],
        ..Draft::default()
    };
    assert_eq!(draft().eml(), draft().eml());
}

#[test]
fn subjects_arrive_as_they_are() {
    let long_word = "x".repeat(998);
    let long_text = "請求書".repeat(110);
    let spaces = format!("a{}b", " ".repeat(500));
    for subject in [
        "Your invoice",
        "Ihre Rechnung über 12,50 €",
        "Sua fatura nº 7 está paga ✓",
        "تم دفع فاتورتك \u{2068}AC-88241\u{2069}",
        "ご請求書のお支払いを確認しました",
        "💌 mixed with ASCII words that are long enough to need a second line of header",
        "=?utf-8?q?Mallory?=",
        "a =?utf-8?b?QQ==?= b",
        "two  spaces   and more",
        "Bcc: mallory@evil.test",
        "\"quoted\" (comment) <angle> ; , : \\",
        "ends in ?=",
        &"long ".repeat(190),
        &long_word,
        &long_text,
        &spaces,
    ] {
        let draft = Draft {
            subject: subject.to_owned(),
            ..Draft::default()
        };
        let eml = draft.eml();
        assert_eq!(read(&eml).subject(), Some(subject.trim()), "{subject}");
    }
}

#[test]
fn more_headers_and_unsubscribe() {
    let token = "t".repeat(870);
    let url = format!("https://acme.test/leave?t={token}");
    let unsubscribe = Unsubscribe::new(&*url)
        .unwrap()
        .mailto("leave+1@acme.test".parse().unwrap());
    let long = "v".repeat(Header::MAX_VALUE);
    let options = EmailOptions::new()
        .header(Header::new("X-Entity-Ref-ID", "88213").unwrap())
        .header(Header::new("X-Greeting", "Grüße an alle").unwrap())
        .header(Header::new("X-Long", &*long).unwrap())
        .header(Header::new("Feedback-ID", "campaign:customer:type:acme").unwrap())
        .unsubscribe(unsubscribe);
    let eml = Draft {
        options,
        ..Draft::default()
    }
    .eml();
    let mail = read(&eml);
    let text = |name: &'static str| mail.header(name).unwrap().as_text().unwrap();
    assert_eq!(text("X-Entity-Ref-ID"), "88213");
    let greeting = mail.header_as("X-Greeting", HeaderForm::Text);
    assert_eq!(greeting[0].as_text(), Some("Grüße an alle"));
    assert_eq!(text("X-Long"), long);
    assert_eq!(text("Feedback-ID"), "campaign:customer:type:acme");
    let raw = mail.header_raw("List-Unsubscribe").unwrap();
    let unfolded = raw.replace("\r\n", "");
    assert_eq!(
        unfolded.trim(),
        format!("<{url}>, <mailto:leave+1@acme.test>")
    );
    let raw = mail.header_raw("List-Unsubscribe-Post").unwrap();
    assert_eq!(raw.trim(), "List-Unsubscribe=One-Click");
}

#[test]
fn a_message_that_is_no_mail_is_refused() {
    let mut message = Draft::default().message();
    message.date = "1969-12-31T23:59:59Z".parse().unwrap();
    assert_eq!(to_eml(&message), Err(MessageError::Date));
    message.date = signalbus::Timestamp::MAX;
    assert!(to_eml(&message).is_ok());
    message.text = None;
    assert_eq!(to_eml(&message), Err(MessageError::NoBody));
}

/// Fields that a stored message carries as plain text cannot smuggle a header in, even when
/// somebody wrote to the store.
#[test]
fn a_message_that_was_tampered_with_has_no_second_header() {
    let hostile = "x\r\nBcc: mallory@evil.test\r\n\r\nbody\0";
    let mut message = Draft::default().message();
    message.subject = hostile.to_owned();
    message.message_id = hostile.to_owned();
    let eml = eml(&message);
    let names = names(&read(&eml));
    assert_eq!(names.len(), 8, "{names:?}");
    assert!(!names.iter().any(|name| name == "Bcc"));

    let mut json = serde_json::to_value(Draft::default().message()).unwrap();
    for (field, value) in [
        ("from", "Eve\r\nBcc: m@evil.test <a@b.c>"),
        ("to", "a@b.c\r\nBcc: m@evil.test"),
    ] {
        let before = json[field].take();
        json[field] = value.into();
        assert!(
            serde_json::from_value::<signalbus::channel::email::EmailMessage>(json.clone())
                .is_err()
        );
        json[field] = before;
    }
}
