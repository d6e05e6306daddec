use signalbus::channel::{
    Email,
    email::{EmailOptions, Mailbox},
};
use signalbus_smtp::to_eml;

use crate::support::{Draft, names, people, person, read};

/// Names as people have them, and as they try them.
const NAMES: [&str; 22] = [
    "Ada",
    "Ada Lovelace",
    "Zoë \"Zed\" O'Brien",
    "Müller, Jürgen (Einkauf)",
    "João Gonçalves",
    "مُحَمَّد بن راشد",
    "ليلى Layla حداد",
    "山田 太郎",
    "𠮷野家",
    "👩\u{200d}👩\u{200d}👧 Family",
    "e\u{301}lodie",
    "<b>Bobby</b> & \"Sons\"",
    "C:\\Users\\Pat",
    "{{ 7 * 7 }}",
    "=?utf-8?q?Mallory?= <mallory@evil.test>",
    "=?utf-8?q?=0D=0ABcc:_mallory=40evil.test?=",
    "a@b.example",
    "Group: a, b;",
    "\\",
    "\"",
    "double  space",
    "Dr. h.c. X. Y. Z.",
];

#[test]
fn every_name_arrives_as_it_is() {
    let long = [
        "n".repeat(320),
        "名".repeat(106),
        "word ".repeat(60) + "end",
    ];
    for name in NAMES.into_iter().chain(long.iter().map(String::as_str)) {
        let address = "hello@acme.test".parse().unwrap();
        let from = Mailbox::new(Some(name), address).unwrap();
        let other = Mailbox::new(Some(name), "other@acme.test".parse().unwrap()).unwrap();
        let draft = Draft {
            from: Email::from_mailbox(from.clone()),
            name: Some(name.to_owned()),
            options: EmailOptions::new()
                .cc(from.clone())
                .cc(other.clone())
                .reply_to(from.clone()),
            ..Draft::default()
        };
        let eml = draft.eml();
        let mail = read(&eml);
        let to = (Some(name.to_owned()), "ada@example.org".to_owned());
        assert_eq!(people(mail.from()), [person(&from)]);
        assert_eq!(people(mail.to()), [to]);
        assert_eq!(people(mail.cc()), [person(&from), person(&other)]);
        assert_eq!(people(mail.reply_to()), [person(&from)]);
        assert!(mail.bcc().is_none(), "{name}");
    }
}

#[test]
fn every_address_arrives_as_it_is() {
    let label = "d".repeat(60);
    let long = format!("{}@{label}.{label}.{label}.example", "l".repeat(63));
    for text in [
        "Ada.Lovelace+tag@example.org",
        "root@localhost",
        "!#$%&'*+-/=?^_`{|}~@example.org",
        "ada@münchen.example",
        "jürgen@example.org",
        "用户@例え.テスト",
        &long,
    ] {
        let from = Email::from(&format!("Ada <{text}>")).unwrap();
        let draft = Draft {
            from,
            to: text.parse().unwrap(),
            ..Draft::default()
        };
        let message = draft.message();
        let eml = crate::support::eml(&message);
        let mail = read(&eml);
        assert_eq!(people(mail.from()), [person(&message.from)], "{text}");
        assert_eq!(people(mail.to()), [person(&message.to)], "{text}");
    }
}

#[test]
fn quoted_local_parts_are_written_quoted() {
    for text in [r#""a b"@example.org"#, r#""a\"b,c@d"@example.org"#] {
        let draft = Draft {
            from: Email::from(text).unwrap(),
            to: text.parse().unwrap(),
            ..Draft::default()
        };
        let eml = String::from_utf8(draft.eml()).unwrap();
        assert!(eml.contains(&format!("\r\nFrom: {text}\r\n")), "{eml}");
        assert!(eml.contains(&format!("\r\nTo: {text}\r\n")), "{eml}");
    }
}

#[test]
fn fifty_copies_fit_into_lines() {
    let mut options = EmailOptions::new();
    for number in 0..50 {
        let name = "Firstname Lastname".repeat(1 + number % 3);
        let text = format!("{name} <person-{number}@department.example.org>");
        options = options.cc(text.parse().unwrap());
    }
    let expected: Vec<_> = options.cc.iter().map(person).collect();
    let eml = Draft {
        options,
        ..Draft::default()
    }
    .eml();
    assert_eq!(people(read(&eml).cc()), expected);
}

#[test]
fn blind_copies_are_not_in_the_mail() {
    let bcc = "Hidden <hidden@secret.example>".parse().unwrap();
    let draft = Draft {
        options: EmailOptions::new().bcc(bcc),
        ..Draft::default()
    };
    let message = draft.message();
    assert_eq!(message.bcc.len(), 1);
    let eml = to_eml(&message).unwrap();
    assert!(
        !names(&read(&eml))
            .iter()
            .any(|name| name.eq_ignore_ascii_case("bcc"))
    );
    let eml = String::from_utf8(eml).unwrap();
    assert!(!eml.contains("idden") && !eml.contains("secret.example"));
}
