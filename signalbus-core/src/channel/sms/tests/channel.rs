use serde_json::json;

use crate::{
    channel::{
        Address, Channel, Compose, ComposeError, Parts, Sms,
        sms::{Encoding, PhoneNumber, SmsMessage, SmsOptions},
    },
    clock::Timestamp,
    event::Recipient,
    id::DeliveryId,
    name::{TenantId, Topic},
};

fn compose_with(sms: &Sms, text: &str, options: &SmsOptions) -> Result<SmsMessage, ComposeError> {
    sms.compose(Compose {
        delivery: DeliveryId::from_uuid(uuid::Uuid::nil()),
        tenant: &TenantId::default(),
        accepted_at: Timestamp::UNIX_EPOCH,
        to: &PhoneNumber::parse("+447700900123").unwrap(),
        recipient: &Recipient::new(),
        locale: "en",
        topic: &Topic::new("auth.code").unwrap(),
        category: None,
        data: &serde_json::Value::Null,
        parts: &Parts::from_iter([("sms.txt", text.to_owned())]),
        options,
        attachments: &[],
    })
}

fn compose(text: &str) -> Result<SmsMessage, ComposeError> {
    compose_with(&Sms::new(), text, &SmsOptions::new())
}

#[test]
fn a_text_is_trimmed_and_counted() {
    let message = compose(" Hello\r\nthere\n\n").unwrap();
    assert_eq!(message.text, "Hello\nthere");
    assert_eq!(message.encoding, Encoding::Gsm7);
    assert_eq!(message.segments, 1);
    assert_eq!(message.sender, None);
}

#[test]
fn content_as_people_write_it_is_taken() {
    for text in [
        "مرحبا بكم",
        "こんにちは",
        "👩‍👩‍👧 {x}",
        "a\nb",
        "رمز \u{200e}2026-11-23",
    ] {
        assert_eq!(compose(text).unwrap().text, text);
    }
}

#[test]
fn an_empty_text_is_refused() {
    for text in ["", " \n\t\r\n"] {
        assert!(compose(text).unwrap_err().to_string().contains("is empty"));
    }
}

#[test]
fn control_characters_are_refused() {
    for c in [
        '\0', '\t', '\r', '\u{b}', '\u{c}', '\u{1b}', '\u{7f}', '\u{85}',
    ] {
        let error = compose(&format!("secret{c}text")).unwrap_err().to_string();
        assert!(error.contains("control character"), "{c:?}: {error}");
        assert!(!error.contains("secret"));
    }
}

#[test]
fn characters_that_switch_direction_are_refused() {
    for c in ('\u{202a}'..='\u{202e}').chain('\u{2066}'..='\u{2069}') {
        let error = compose(&format!("secret{c}text")).unwrap_err().to_string();
        assert!(error.contains("direction"), "{c:?}: {error}");
        assert!(!error.contains("secret"));
    }
}

#[test]
fn a_text_of_too_many_segments_is_refused() {
    let longest = "a".repeat(1530);
    assert_eq!(compose(&longest).unwrap().segments, 10);
    let error = compose(&format!("{longest}b")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`sms.txt` takes 11 segments as GSM-7; at most 10 are allowed"
    );
    let one = Sms::new().max_segments(0);
    assert!(compose_with(&one, "a", &SmsOptions::new()).is_ok());
    assert!(compose_with(&one, &"ç".repeat(71), &SmsOptions::new()).is_err());
}

#[test]
fn the_events_sender_goes_before_the_channels() {
    let sms = Sms::new().sender("ACME").unwrap();
    let from_channel = compose_with(&sms, "a", &SmsOptions::new()).unwrap();
    assert_eq!(from_channel.sender.as_deref(), Some("ACME"));
    let options = SmsOptions::new().with_sender("+44 7700 900123");
    let from_event = compose_with(&sms, "a", &options).unwrap();
    assert_eq!(from_event.sender.as_deref(), Some("+447700900123"));
}

#[test]
fn senders_are_names_numbers_or_short_codes() {
    for sender in [
        "A",
        "ACME Shop 1",
        "A&B-C_D.E+F",
        "62626",
        "+447700900123",
        "+1 Shop",
    ] {
        assert!(Sms::new().sender(sender).is_ok(), "{sender}");
    }
    let long = "A".repeat(12);
    for sender in [
        "",
        " ",
        "12",
        "123456789",
        "Café",
        "A\r\nB",
        "A<B",
        "+",
        "+44",
        "+44 7700",
        &long,
    ] {
        let options = SmsOptions::new().with_sender(sender);
        assert!(Sms::new().sender(sender).is_err(), "{sender:?}");
        assert!(
            Sms::new()
                .check_options(&TenantId::default(), &options)
                .is_err(),
            "{sender:?}"
        );
        assert!(
            compose_with(&Sms::new(), "a", &options).is_err(),
            "{sender:?}"
        );
    }
}

#[test]
fn options_come_from_json() {
    let options: SmsOptions = serde_json::from_value(json!({ "sender": "ACME" })).unwrap();
    assert_eq!(options, SmsOptions::new().with_sender("ACME"));
    assert_eq!(serde_json::to_value(SmsOptions::new()).unwrap(), json!({}));
    assert!(serde_json::from_value::<SmsOptions>(json!({ "from": "ACME" })).is_err());
}

#[test]
fn a_message_survives_the_store() {
    let sms = Sms::new().sender("ACME").unwrap();
    let message = compose_with(&sms, "Olá", &SmsOptions::new()).unwrap();
    let stored = serde_json::to_value(&message).unwrap();
    assert_eq!(
        stored,
        json!({ "sender": "ACME", "text": "Olá", "encoding": "ucs2", "segments": 1 })
    );
    assert_eq!(
        serde_json::from_value::<SmsMessage>(stored).unwrap(),
        message
    );
}

#[test]
fn debug_shows_no_content() {
    let message = compose("c4n4ry").unwrap();
    let shown = format!("{message:?}");
    assert!(
        !shown.contains("c4n4ry") && shown.contains("Gsm7"),
        "{shown}"
    );
}
