use proptest::prelude::*;

use super::{HOSTILE, SWITCHES, address, mailbox};
use crate::channel::email::{Mailbox, MailboxError};

#[test]
fn read() {
    let table = [
        ("ada@example.org", None),
        ("<ada@example.org>", None),
        ("  <ada@example.org>  ", None),
        ("Ada <ada@example.org>", Some("Ada")),
        ("Ada<ada@example.org>", Some("Ada")),
        ("Ada Lovelace <ada@example.org>", Some("Ada Lovelace")),
        (
            "O'Brien, Müller (Einkauf) <ada@example.org>",
            Some("O'Brien, Müller (Einkauf)"),
        ),
        (r#""Ada" <ada@example.org>"#, Some("Ada")),
        (r#""Zoë \"Zed\"" <ada@example.org>"#, Some(r#"Zoë "Zed""#)),
        (r#""C:\\Users" <ada@example.org>"#, Some(r"C:\Users")),
        (r#""<b>" <ada@example.org>"#, Some("<b>")),
        ("C:\\Users <ada@example.org>", Some("C:\\Users")),
        ("名前 <ada@example.org>", Some("名前")),
        (r#""" <ada@example.org>"#, None),
    ];
    for (text, name) in table {
        let mailbox = mailbox(text);
        assert_eq!(mailbox.name(), name, "{text}");
        assert_eq!(mailbox.address().spelled(), "ada@example.org", "{text}");
    }
}

/// Found by fuzzing: the bracket in the local part was taken for the one before the address.
#[test]
fn a_quoted_local_part_may_have_brackets() {
    let odd = address(r#""a<b>\"c"@example.org"#);
    for name in [None, Some("Ada"), Some("<b>"), Some(r#"Zoë "Zed""#)] {
        let written = Mailbox::new(name, odd.clone()).unwrap();
        let read = mailbox(&written.to_text());
        assert_eq!(read, written);
        assert_eq!(read.address().spelled(), odd.spelled());
    }
    for text in [
        r#"<"a<b>\"c"@example.org>"#,
        r#"Ada <"a<b>\"c"@example.org>"#,
    ] {
        assert_eq!(mailbox(text).address().spelled(), odd.spelled());
    }
}

#[test]
fn refused() {
    let table = [
        ("Ada", None),
        ("Ada <ada>", None),
        ("ada@example.org>", Some(MailboxError::Form)),
        (r#"Zoë "Zed" <ada@example.org>"#, Some(MailboxError::Form)),
        (r#""Ada <ada@example.org>"#, Some(MailboxError::Form)),
        (r#""Ada" x <ada@example.org>"#, Some(MailboxError::Form)),
        (r#""Ada\" <ada@example.org>"#, Some(MailboxError::Form)),
        ("<a@b.c> <ada@example.org>", Some(MailboxError::Form)),
    ];
    for (text, expected) in table {
        let error = text.parse::<Mailbox>().unwrap_err();
        match expected {
            None => assert!(matches!(error, MailboxError::Address(_)), "{text}: {error}"),
            Some(expected) => assert_eq!(error, expected, "{text}"),
        }
    }
}

#[test]
fn hostile_names_are_refused() {
    for (what, name) in HOSTILE {
        let error = Mailbox::new(Some(name), address("ada@example.org")).unwrap_err();
        assert_eq!(error, MailboxError::NameControl, "{what}");
        assert!(
            format!("{name} <ada@example.org>")
                .parse::<Mailbox>()
                .is_err(),
            "{what}"
        );
        assert!(
            format!("\"{name}\" <ada@example.org>")
                .parse::<Mailbox>()
                .is_err(),
            "{what}"
        );
        assert!(
            format!("Ada <ada@example.org>{name}")
                .parse::<Mailbox>()
                .is_err(),
            "{what}"
        );
    }
    for switch in SWITCHES {
        let name = format!("Ada {switch}evE");
        let error = Mailbox::new(Some(&name), address("ada@example.org")).unwrap_err();
        assert_eq!(error, MailboxError::NameDirection);
    }
}

#[test]
fn names_are_trimmed_and_limited() {
    let new = |name: &str| Mailbox::new(Some(name), address("ada@example.org"));
    assert_eq!(new("  Ada ").unwrap().name(), Some("Ada"));
    assert_eq!(new("   ").unwrap().name(), None);
    assert!(new(&"n".repeat(Mailbox::MAX_NAME)).is_ok());
    let error = new(&"n".repeat(Mailbox::MAX_NAME + 1)).unwrap_err();
    assert_eq!(error, MailboxError::NameLength);
    // marks that Arabic and Hebrew names may carry
    assert!(new("ليلى\u{200f} Layla").is_ok());
}

#[test]
fn debug_and_errors_hide_name_and_address() {
    let debug = format!("{:?}", mailbox("Secret <hidden@example.org>"));
    assert_eq!(debug, "Mailbox(…@example.org)");
    for text in [
        "Secret\r <hidden@example.org>",
        "Secret <hidden@>",
        "Secret\" <hidden@b.c>",
    ] {
        let error = text.parse::<Mailbox>().unwrap_err();
        let shown = format!("{error} {error:?}");
        assert!(
            !shown.contains("Secret") && !shown.contains("hidden"),
            "{shown}"
        );
    }
}

#[test]
fn json_is_one_string() {
    let mailbox = mailbox(r#""Zoë \"Zed\"" <Zoe@example.org>"#);
    let json = serde_json::to_string(&mailbox).unwrap();
    assert_eq!(json, r#""\"Zoë \\\"Zed\\\"\" <Zoe@example.org>""#);
    assert_eq!(serde_json::from_str::<Mailbox>(&json).unwrap(), mailbox);
    assert!(serde_json::from_str::<Mailbox>(r#""Eve\r\nBcc: x <a@b.c>""#).is_err());
}

proptest! {
    #[test]
    fn any_name_is_refused_or_read_back(name in any::<String>()) {
        if let Ok(mailbox) = Mailbox::new(Some(&name), address("ada@example.org")) {
            prop_assert_eq!(mailbox.to_text().parse::<Mailbox>().unwrap(), mailbox);
        }
    }

    #[test]
    fn any_text_is_refused_or_read_back(text in "\\PC{0,12}[<\"]\\PC{0,6}a@b.cd>?") {
        if let Ok(mailbox) = text.parse::<Mailbox>() {
            prop_assert_eq!(mailbox.to_text().parse::<Mailbox>().unwrap(), mailbox);
        }
    }
}
