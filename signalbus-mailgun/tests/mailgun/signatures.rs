use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use proptest::prelude::*;
use serde_json::json;
use sha2::Sha256;
use signalbus::{Timestamp, provider::CallbackError};
use signalbus_mailgun::{Signature, SigningKey};

const KEY: &str = "key-3ax6xnjp29jd6fds4gc373sgvjxteol0";
const WINDOW: Duration = Duration::from_secs(3600);

fn now() -> Timestamp {
    Timestamp::constant(1_893_456_000, 0)
}

/// As Mailgun's page says it: hex of HMAC-SHA256 of timestamp and token.
fn sign(key: &str, timestamp: &str, token: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key.as_bytes()).unwrap();
    mac.update(format!("{timestamp}{token}").as_bytes());
    let bytes = mac.finalize().into_bytes();
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn signature(timestamp: &str, token: &str, signature: &str) -> Option<Signature> {
    let value = json!({ "timestamp": timestamp, "token": token, "signature": signature });
    Signature::read(&value)
}

fn is_right(key: &SigningKey, timestamp: &str, token: &str, hex: &str) -> bool {
    signature(timestamp, token, hex)
        .is_some_and(|signature| key.verify(&signature, now(), WINDOW).is_ok())
}

/// A value worked out outside this project, with Python's hmac module:
/// `hmac.new(b"key-3ax6xnjp29jd6fds4gc373sgvjxteol0", b"1893456000" + b"x" * 50, "sha256")`.
#[test]
fn a_signature_made_elsewhere_is_right() {
    let hex = "b79e091538a0782ee7f0e41176189b49ffde1ad25082284320ef0a4b08073d4c";
    assert!(is_right(
        &SigningKey::new(KEY),
        "1893456000",
        &"x".repeat(50),
        hex
    ));
}

proptest! {
    #[test]
    fn each_altered_byte_fails(token in "[0-9a-f]{50}", at in 0_usize..124, flip in 1_u8..=127) {
        let timestamp = "1893455000";
        let hex = sign(KEY, timestamp, &token);
        let key = SigningKey::new(KEY);
        prop_assert!(is_right(&key, timestamp, &token, &hex));
        let mut all = format!("{timestamp}{token}{hex}").into_bytes();
        all[at] ^= flip;
        let Ok(all) = String::from_utf8(all) else { return Ok(()) };
        prop_assume!(all.is_ascii());
        let (timestamp, rest) = all.split_at(10);
        let (token, hex) = rest.split_at(50);
        prop_assert!(!is_right(&key, timestamp, token, hex));
    }
}

/// Without a rule for the timestamp, a digit could wander from it to the token, and the signature would
/// vouch for another time.
#[test]
fn the_border_between_time_and_token_does_not_move() {
    let token = format!("7{}", "a".repeat(49));
    let hex = sign(KEY, "1893456000", &token);
    let key = SigningKey::new(KEY);
    assert!(is_right(&key, "1893456000", &token, &hex));
    assert!(!is_right(&key, "18934560007", &token[1..], &hex));
    assert!(!is_right(&key, "189345600", &format!("0{token}"), &hex));
}

#[test]
fn the_key_before_is_taken_too_and_no_other() {
    let hex = sign(KEY, "1893456000", "token");
    let taken = |key: SigningKey| is_right(&key, "1893456000", "token", &hex);
    assert!(taken(SigningKey::new(KEY)));
    assert!(taken(SigningKey::new("new").or_previous(KEY)));
    assert!(!taken(SigningKey::new("new").or_previous("other")));
    assert!(!taken(SigningKey::new("")));
}

#[test]
fn a_signature_is_good_for_a_time() {
    let key = SigningKey::new(KEY);
    for (seconds, fresh) in [
        (-3601, false),
        (-3600, true),
        (0, true),
        (300, true),
        (301, false),
    ] {
        let timestamp = (1_893_456_000 + seconds).to_string();
        let hex = sign(KEY, &timestamp, "token");
        let signature = signature(&timestamp, "token", &hex).unwrap();
        match key.verify(&signature, now(), WINDOW) {
            Ok(()) => assert!(fresh, "{seconds}"),
            Err(CallbackError::Stale) => assert!(!fresh, "{seconds}"),
            Err(error) => panic!("{seconds}: {error}"),
        }
    }
}

#[test]
fn the_key_of_the_main_account_signs_for_subaccounts() {
    let value = json!({
        "timestamp": 1_893_456_000,
        "token": "token",
        "signature": sign("the key of the subaccount", "1893456000", "token"),
        "parent-signature": sign(KEY, "1893456000", "token"),
    });
    let signature = Signature::read(&value).unwrap();
    SigningKey::new(KEY)
        .verify(&signature, now(), WINDOW)
        .unwrap();
    SigningKey::new("other")
        .verify(&signature, now(), WINDOW)
        .unwrap_err();
}

#[test]
fn debug_shows_neither_key_nor_token() {
    let signature = signature("1893456000", "t0ken", "5ign").unwrap();
    let shown = format!(
        "{signature:?} {:?}",
        SigningKey::new(KEY).or_previous("0ther")
    );
    for secret in ["t0ken", "5ign", KEY, "0ther"] {
        assert!(!shown.contains(secret));
    }
}
