use std::collections::HashSet;

use proptest::prelude::*;

use super::{HOSTILE, SWITCHES, address};
use crate::channel::{Address, email::EmailAddress};

#[test]
fn spelled_and_key() {
    let table = [
        // as written, as sent, key
        ("ada@example.org", "ada@example.org", "ada@example.org"),
        ("Ada@Example.ORG", "Ada@example.org", "ada@example.org"),
        (
            "a.b+c@example.org",
            "a.b+c@example.org",
            "a.b+c@example.org",
        ),
        (
            "!#$%&'*+-/=?^_`{|}~@a.b",
            "!#$%&'*+-/=?^_`{|}~@a.b",
            "!#$%&'*+-/=?^_`{|}~@a.b",
        ),
        ("root@localhost", "root@localhost", "root@localhost"),
        // needless quotes go, needed ones stay as short as they can be
        (r#""ada"@example.org"#, "ada@example.org", "ada@example.org"),
        (
            r#""A\da"@example.org"#,
            "Ada@example.org",
            "ada@example.org",
        ),
        (
            r#""Ada B"@example.org"#,
            r#""Ada B"@example.org"#,
            r#""ada b"@example.org"#,
        ),
        (
            r#""a@b"@example.org"#,
            r#""a@b"@example.org"#,
            r#""a@b"@example.org"#,
        ),
        (
            r#""a\"\\"@example.org"#,
            r#""a\"\\"@example.org"#,
            r#""a\"\\"@example.org"#,
        ),
        (
            r#""a..b"@example.org"#,
            r#""a..b"@example.org"#,
            r#""a..b"@example.org"#,
        ),
        // international
        (
            "jürgen@münchen.example",
            "jürgen@xn--mnchen-3ya.example",
            "jürgen@xn--mnchen-3ya.example",
        ),
        (
            "JÜRGEN@MÜNCHEN.example",
            "JÜRGEN@xn--mnchen-3ya.example",
            "jürgen@xn--mnchen-3ya.example",
        ),
        (
            "a@XN--MNCHEN-3YA.example",
            "a@xn--mnchen-3ya.example",
            "a@xn--mnchen-3ya.example",
        ),
        (
            "a@mu\u{308}nchen.example",
            "a@xn--mnchen-3ya.example",
            "a@xn--mnchen-3ya.example",
        ),
        (
            "用户@例え。テスト",
            "用户@xn--r8jz45g.xn--zckzah",
            "用户@xn--r8jz45g.xn--zckzah",
        ),
        ("محمد@example.org", "محمد@example.org", "محمد@example.org"),
    ];
    for (written, spelled, key) in table {
        let address = address(written);
        assert_eq!(address.spelled(), spelled, "{written}");
        assert_eq!(address.as_str(), key, "{written}");
        assert_eq!(
            format!("{}@{}", address.local_part(), address.domain()),
            spelled,
        );
    }
}

#[test]
fn refused() {
    let long_local = "a".repeat(65);
    let long_label = "b".repeat(64);
    let table = [
        ("", "needs an '@'"),
        ("not-an-address", "needs an '@'"),
        ("@example.org", "before the '@'"),
        ("ada@", "after the '@'"),
        ("ada@example.org\u{3002}", "not a domain"),
        (" ada@example.org", "character that is not allowed"),
        ("ada@example.org ", "not a domain"),
        ("a b@example.org", "character that is not allowed"),
        ("a@b@example.org", "character that is not allowed"),
        ("a,b@example.org", "character that is not allowed"),
        ("<ada@example.org>", "character that is not allowed"),
        (".ada@example.org", "'.' at its start"),
        ("ada.@example.org", "'.' at its start"),
        ("a..b@example.org", "'.' at its start"),
        ("a\u{a0}b@example.org", "character that is not allowed"),
        ("a\u{200b}b@example.org", "character that is not allowed"),
        ("us\u{ad}r@example.org", "character that is not allowed"),
        ("a\u{3164}b@example.org", "character that is not allowed"),
        ("a\u{fe0f}b@example.org", "character that is not allowed"),
        ("a\u{e0041}b@example.org", "character that is not allowed"),
        ("a\u{200f}b@example.org", "character that is not allowed"),
        (r#""ada@example.org"#, "quoted part"),
        (r#"""@example.org"#, "quoted part"),
        (r#""a"b"@example.org"#, "quoted part"),
        (r#""a\"@example.org"#, "quoted part"),
        ("\"a\\\nb\"@example.org", "quoted part"),
        ("\"a\rb\"@example.org", "quoted part"),
        ("\"a\u{202e}b\"@example.org", "quoted part"),
        ("ada@-example.org", "not a domain"),
        ("ada@example-.org", "not a domain"),
        ("ada@exa mple.org", "not a domain"),
        ("ada@exa_mple.org", "not a domain"),
        ("ada@example..org", "not a domain"),
        ("ada@.example.org", "not a domain"),
        ("ada@example.org.", "not a domain"),
        ("ada@exam\u{202e}ple.org", "not a domain"),
        ("ada@xn--999999999.example", "not a domain"),
        ("ada@[192.0.2.1]", "IP address"),
        ("ada@192.0.2.1", "number"),
        (&format!("{long_local}@example.org"), "64 bytes"),
        (&format!("a@{long_label}.org"), "not a domain"),
    ];
    for (written, reason) in table {
        let error = EmailAddress::parse(written).unwrap_err().to_string();
        assert!(error.contains(reason), "{written:?}: {error}");
    }
}

#[test]
fn hostile_text_is_refused_on_both_sides_of_the_at() {
    let switches = SWITCHES.map(|c| ("switch", format!("a{c}b")));
    let texts = HOSTILE.map(|(name, text)| (name, text.to_owned()));
    for (name, text) in texts.into_iter().chain(switches) {
        for written in [
            format!("{text}@example.org"),
            format!("\"{text}\"@example.org"),
            format!("ada@{text}.org"),
            format!("ada@example.org{text}"),
        ] {
            assert!(
                EmailAddress::parse(&written).is_err(),
                "{name}: {written:?}"
            );
        }
    }
}

#[test]
fn length_limits_are_exact() {
    let local = "a".repeat(64);
    let domain = |bytes: usize| {
        let label = "b".repeat(60);
        let head = format!("{label}.{label}.{label}.");
        let rest = bytes - head.len();
        format!("{head}{}", "c".repeat(rest))
    };
    let fits = format!("{local}@{}", domain(254 - 65));
    assert_eq!(fits.len(), 254);
    assert_eq!(address(&fits).spelled().len(), 254);
    let long = format!("{local}@{}", domain(255 - 65));
    let error = EmailAddress::parse(&long).unwrap_err().to_string();
    assert!(error.contains("254"), "{error}");
    let endless = format!("{}@example.org", "a".repeat(10_000_000));
    let error = EmailAddress::parse(&endless).unwrap_err().to_string();
    assert!(error.contains("254"), "{error}");
}

#[test]
fn spellings_of_one_mailbox_are_equal_and_hash_alike() {
    let same = ["Ada@example.org", "ada@EXAMPLE.org", "\"ADA\"@example.org"];
    let set: HashSet<_> = same.map(address).into();
    assert_eq!(set.len(), 1);
    assert_ne!(address("ada@example.org"), address("a.da@example.org"));
    assert_ne!(address("ada@example.org"), address("ada+x@example.org"));
}

#[test]
fn smtputf8_is_needed_for_the_local_part_only() {
    assert!(!address("ada@münchen.example").needs_smtputf8());
    assert!(address("jürgen@example.org").needs_smtputf8());
}

#[test]
fn debug_and_errors_hide_the_address() {
    let debug = format!("{:?}", address("secret.person@example.org"));
    assert_eq!(debug, "EmailAddress(…@example.org)");
    for written in ["secret person@example.org", "secret@exa mple.org", "secret"] {
        let error = EmailAddress::parse(written).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("secret"));
    }
}

#[test]
fn json_keeps_the_spelling() {
    let json = serde_json::to_string(&address("Ada@Example.org")).unwrap();
    assert_eq!(json, r#""Ada@example.org""#);
    let back: EmailAddress = serde_json::from_str(&json).unwrap();
    assert_eq!(back.spelled(), "Ada@example.org");
    assert!(serde_json::from_str::<EmailAddress>(r#""a\r\nb@example.org""#).is_err());
}

proptest! {
    #[test]
    fn any_text_is_refused_or_becomes_a_fixed_point(text in "\\PC{0,20}@\\PC{0,20}") {
        if let Ok(address) = EmailAddress::parse(&text) {
            let again = EmailAddress::parse(address.spelled()).unwrap();
            prop_assert_eq!(again.spelled(), address.spelled());
            prop_assert_eq!(again.as_str(), address.as_str());
        }
    }

    #[test]
    fn usual_addresses_are_taken_in_any_case(
        text in "[a-zA-Z0-9]([a-zA-Z0-9_+-]{0,20}\\.?[a-zA-Z0-9])?@[a-zA-Z0-9]{1,20}(\\.[a-z]{2,8}){1,2}"
    ) {
        let given = EmailAddress::parse(&text).unwrap();
        let upper = EmailAddress::parse(&text.to_uppercase()).unwrap();
        let lower = text.to_lowercase();
        prop_assert_eq!(given.as_str(), lower.as_str());
        prop_assert_eq!(given, upper);
    }
}
