use super::HOSTILE;
use crate::channel::email::{Header, HeaderError};

#[test]
fn taken() {
    for (name, value) in [
        ("X-Entity-Ref-ID", "88213"),
        ("X-T", "Grüße"),
        ("Auto-Submitted", "auto-generated"),
        ("Feedback-ID", "a:b:c:d"),
        ("List-ID", "<news.acme.test>"),
        ("Precedence", "bulk"),
        ("Tomato", "not a recipient"),
    ] {
        let header = Header::new(name, value).unwrap();
        assert_eq!((header.name(), header.value()), (name, value));
    }
}

#[test]
fn names_follow_the_grammar() {
    let long = "x".repeat(77);
    for name in [
        "", " ", "X Y", "X:", "X\r\nBcc", "X\0", "X\t", "X\u{7f}", "Größe", &long,
    ] {
        assert_eq!(Header::new(name, "1"), Err(HeaderError::Name), "{name:?}");
    }
    assert!(Header::new("x".repeat(76), "1").is_ok());
}

#[test]
fn what_the_channel_writes_cannot_be_set() {
    for name in [
        "From",
        "sender",
        "TO",
        "Cc",
        "bcc",
        "Reply-To",
        "Subject",
        "Date",
        "Message-ID",
        "message-id",
        "MIME-Version",
        "Content-Type",
        "content-transfer-encoding",
        "Content-Disposition",
        "Return-Path",
        "Received",
        "Delivered-To",
        "X-Original-To",
        "X-Signalbus-Token",
        "Resent-To",
        "DKIM-Signature",
        "ARC-Seal",
        "Authentication-Results",
        "List-Unsubscribe",
        "list-unsubscribe-post",
    ] {
        let error = Header::new(name, "x").unwrap_err();
        assert!(
            matches!(error, HeaderError::Reserved { .. }),
            "{name}: {error}"
        );
    }
}

#[test]
fn values_are_one_line() {
    for (what, value) in HOSTILE {
        let error = Header::new("X-A", value).unwrap_err();
        assert!(matches!(error, HeaderError::ValueControl { .. }), "{what}");
        assert!(!error.to_string().contains("Eve"), "{what}");
    }
    assert!(matches!(
        Header::new("X-A", "for \u{202e}fdp.exe"),
        Err(HeaderError::ValueDirection { .. })
    ));
    // A reader would decode it, line break and all.
    for value in ["=?utf-8?q?a=0D=0ABcc=3A_x?=", "a =?utf-8?b?Zm9v?= b"] {
        let error = Header::new("X-A", value).unwrap_err();
        assert!(matches!(error, HeaderError::ValueEncoded { .. }), "{error}");
    }
    assert!(matches!(
        Header::new("X-A", ""),
        Err(HeaderError::ValueLength { .. })
    ));
    assert!(Header::new("X-A", "v".repeat(Header::MAX_VALUE)).is_ok());
    let long = Header::new("X-A", "v".repeat(Header::MAX_VALUE + 1));
    assert!(matches!(long, Err(HeaderError::ValueLength { .. })));
}

#[test]
fn json_is_checked_and_debug_hides_the_value() {
    let header = Header::new("X-A", "secret").unwrap();
    assert_eq!(format!("{header:?}"), "Header(X-A: …)");
    let json = serde_json::to_string(&header).unwrap();
    assert_eq!(json, r#"{"name":"X-A","value":"secret"}"#);
    assert_eq!(serde_json::from_str::<Header>(&json).unwrap(), header);
    for json in [
        r#"{"name":"Bcc","value":"a@b.c"}"#,
        r#"{"name":"X-A","value":"a\r\nBcc: a@b.c"}"#,
        r#"{"name":"X-A","value":"a","more":1}"#,
    ] {
        assert!(serde_json::from_str::<Header>(json).is_err(), "{json}");
    }
}
