//! Text messages: how many segments they take, and what is sent.

use serde_json::Value;
use signalbus::{
    DeliveryId, TenantId, Timestamp, Topic,
    channel::{
        Address, Channel, Compose, Parts, Sms,
        sms::{Encoding, PhoneNumber, Segments, SmsMessage, SmsOptions},
    },
    event::Recipient,
    fuzzing,
};
use uuid::Uuid;

use crate::secret;

/// Takes a text for a message.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    is_counted(text);
    match compose(text) {
        Ok(message) => is_sound(&message),
        Err(error) => secret::not_told_by(&error),
    }
}

fn is_counted(text: &str) {
    let Segments {
        encoding, count, ..
    } = Segments::of(text);
    let alone = |c: char| Segments::of(c.encode_utf8(&mut [0; 4])).encoding;
    let plain = text.chars().all(|c| alone(c) == Encoding::Gsm7);
    assert_eq!(encoding == Encoding::Gsm7, plain);
    assert_eq!(count == 0, text.is_empty());

    // 3GPP TS 23.040 section 9.2.3.24.1; at most one unit of each segment is left free, where a
    // pair would not fit.
    let (units, single, part) = match encoding {
        Encoding::Gsm7 => (text.chars().map(septets).sum(), 160, 153),
        Encoding::Ucs2 => (text.encode_utf16().count(), 70, 67),
    };
    let count = usize::try_from(count).expect("a small number");
    if units <= single {
        assert!(count <= 1, "{units} units in {count} segments");
    } else {
        assert!(count >= units.div_ceil(part), "{units} in {count}");
        assert!(count <= units.div_ceil(part - 1), "{units} in {count}");
    }
    // More text never takes fewer segments.
    if let Some((at, _)) = text.char_indices().next_back() {
        let less = Segments::of(&text[..at]);
        assert!(usize::try_from(less.count).expect("a small number") <= count);
    }
}

/// 3GPP TS 23.038 section 6.2.1.1: those of the extension table take two.
fn septets(c: char) -> usize {
    if "\u{c}^{}\\[~]|€".contains(c) {
        2
    } else {
        1
    }
}

fn compose(text: &str) -> Result<SmsMessage, signalbus::channel::ComposeError> {
    let to = PhoneNumber::parse("+447700900123").expect("a good number");
    let parts: Parts = [("sms.txt", text.to_owned())].into_iter().collect();
    Sms::new().compose(Compose {
        delivery: DeliveryId::from_uuid(Uuid::nil()),
        tenant: &TenantId::default(),
        accepted_at: Timestamp::UNIX_EPOCH,
        to: &to,
        recipient: &Recipient::new(),
        locale: "en",
        topic: &Topic::new("auth.code").expect("a good topic"),
        category: None,
        data: &Value::Null,
        parts: &parts,
        options: &SmsOptions::new(),
        attachments: &[],
    })
}

fn is_sound(message: &SmsMessage) {
    let Segments {
        encoding, count, ..
    } = Segments::of(&message.text);
    assert_eq!((message.encoding, message.segments), (encoding, count));
    assert!((1..=Sms::MAX_SEGMENTS).contains(&count));
    let forbidden = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    assert!(!message.text.contains(forbidden), "{:?}", message.text);
    secret::not_debugged(message);

    let blob = fuzzing::keep::<Sms>(message.clone(), "en", Some(7)).expect("a blob");
    let (kept, locale, doubt) = fuzzing::kept::<Sms>(&blob).expect("it reads what it wrote");
    assert_eq!(&kept, message);
    assert_eq!((locale.as_str(), doubt), ("en", Some(7)));
}
