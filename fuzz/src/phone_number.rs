//! Telephone numbers and the senders of text messages.

use signalbus::channel::{
    Address, Sms,
    sms::{PhoneNumber, SmsOptions},
};

use crate::secret;

/// Takes a text for a number and for a sender.
pub fn target(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match PhoneNumber::parse(text) {
        Ok(number) => is_sound(&number),
        Err(error) => secret::not_told_by(&error),
    }
    // The sender shows in the settings of the channel; only what is refused does not.
    if let Err(error) = Sms::new().sender(text) {
        secret::not_told_by(&error);
    }
    let options = SmsOptions::new().with_sender(text);
    let json = serde_json::to_string(&options).expect("options are JSON");
    let read: SmsOptions = serde_json::from_str(&json).expect("JSON is options");
    assert_eq!(read, options);
}

/// ITU-T E.164: a plus and at most 15 digits, the first of which is no zero.
fn is_sound(number: &PhoneNumber) {
    let digits = number.as_str().strip_prefix('+').expect("a plus");
    assert!((3..=15).contains(&digits.len()), "{digits}");
    assert!(digits.bytes().all(|byte| byte.is_ascii_digit()), "{digits}");
    assert!(!digits.starts_with('0'), "{digits}");

    let again = PhoneNumber::parse(number.as_str()).expect("a number reads what it wrote");
    assert_eq!(&again, number);
    let json = serde_json::to_string(number).expect("a number is JSON");
    let read: PhoneNumber = serde_json::from_str(&json).expect("JSON is a number");
    assert_eq!(&read, number);
    assert_eq!(format!("{number:?}"), "PhoneNumber(…)");
}
