use super::{HOSTILE, address, mailbox};
use crate::{
    channel::{
        Channel, Email,
        email::{EmailOptions, Header, Unsubscribe, UnsubscribeError},
    },
    name::TenantId,
};

fn check(options: &EmailOptions) -> Result<(), String> {
    let email = Email::from("hello@acme.test").unwrap();
    email
        .check_options(&TenantId::default(), options)
        .map_err(|error| error.to_string())
}

#[test]
fn json_round_trip() {
    let options = EmailOptions::new()
        .cc(mailbox("Billing <billing@acme.test>"))
        .bcc(mailbox("archive@acme.test"))
        .reply_to(mailbox("support@acme.test"))
        .header(Header::new("X-A", "1").unwrap())
        .unsubscribe(
            Unsubscribe::new("https://acme.test/leave?t=1")
                .unwrap()
                .mailto(address("leave@acme.test")),
        );
    check(&options).unwrap();
    let json = serde_json::to_value(&options).unwrap();
    assert_eq!(
        json,
        serde_json::json!({
            "cc": ["\"Billing\" <billing@acme.test>"],
            "bcc": ["archive@acme.test"],
            "reply_to": ["support@acme.test"],
            "headers": [{"name": "X-A", "value": "1"}],
            "unsubscribe": {"url": "https://acme.test/leave?t=1", "mailto": "leave@acme.test"},
        })
    );
    assert_eq!(
        serde_json::from_value::<EmailOptions>(json).unwrap(),
        options
    );
    assert_eq!(serde_json::to_string(&EmailOptions::new()).unwrap(), "{}");
    assert_eq!(
        serde_json::from_str::<EmailOptions>("{}").unwrap(),
        EmailOptions::new()
    );
}

#[test]
fn json_that_is_refused() {
    for json in [
        r#"{"ccc": []}"#,
        r#"{"cc": ["not-an-address"]}"#,
        r#"{"bcc": ["Eve\r\n <a@b.c>"]}"#,
        r#"{"headers": [{"name": "To", "value": "a@b.c"}]}"#,
        r#"{"unsubscribe": {"url": "http://acme.test/"}}"#,
        r#"{"unsubscribe": {"url": "https://acme.test/", "mailto": "x"}}"#,
        r#"{"unsubscribe": {}}"#,
    ] {
        let error = serde_json::from_str::<EmailOptions>(json)
            .unwrap_err()
            .to_string();
        assert!(
            !error.contains("not-an-address") && !error.contains("a@b.c"),
            "{error}"
        );
    }
}

#[test]
fn counts_are_limited() {
    let some = mailbox("a@acme.test");
    let mut options = EmailOptions::new();
    options.cc = vec![some.clone(); 25];
    options.bcc = vec![some.clone(); 25];
    check(&options).unwrap();
    options.bcc.push(some.clone());
    assert!(
        check(&options)
            .unwrap_err()
            .contains("51 entries; at most 50")
    );

    let mut options = EmailOptions::new();
    options.reply_to = vec![some; 11];
    assert!(check(&options).unwrap_err().contains("at most 10"));

    let mut options = EmailOptions::new();
    options.headers = (0..51)
        .map(|n| Header::new(format!("X-{n}"), "1").unwrap())
        .collect();
    assert!(check(&options).unwrap_err().contains("at most 50"));
}

#[test]
fn a_header_is_given_once() {
    let options = EmailOptions::new()
        .header(Header::new("X-Tag", "1").unwrap())
        .header(Header::new("x-tag", "2").unwrap());
    assert!(check(&options).unwrap_err().contains("given twice"));
}

#[test]
fn unsubscribe_urls() {
    for url in [
        "https://acme.test",
        "HTTPS://acme.test/leave?t=a%20b&l=1#x",
        "https://[2001:db8::1]:8443/leave",
    ] {
        assert_eq!(Unsubscribe::new(url).unwrap().url(), url);
    }
    let long = format!("https://acme.test/{}", "x".repeat(Unsubscribe::MAX_URL));
    let table = [
        ("", UnsubscribeError::Scheme),
        ("https:/", UnsubscribeError::Scheme),
        ("https://", UnsubscribeError::Scheme),
        ("https:///path", UnsubscribeError::Scheme),
        ("http://acme.test/", UnsubscribeError::Scheme),
        ("mailto:a@acme.test", UnsubscribeError::Scheme),
        ("javascript:alert(1)", UnsubscribeError::Scheme),
        ("https://acme.test/a b", UnsubscribeError::Character),
        ("https://acme.test/>,<x", UnsubscribeError::Character),
        ("https://acme.test/ä", UnsubscribeError::Character),
        (&long, UnsubscribeError::Length),
    ];
    for (url, expected) in table {
        assert_eq!(Unsubscribe::new(url), Err(expected), "{url}");
    }
    for (what, text) in HOSTILE {
        let url = format!("https://acme.test/{text}");
        assert_eq!(
            Unsubscribe::new(url),
            Err(UnsubscribeError::Character),
            "{what}"
        );
    }
}

#[test]
fn unsubscribe_headers() {
    let one = Unsubscribe::new("https://acme.test/l/1").unwrap();
    assert_eq!(one.list_unsubscribe(), "<https://acme.test/l/1>");
    assert_eq!(one.list_unsubscribe_post(), "List-Unsubscribe=One-Click");
    let both = one.mailto(address("leave+5b1d%&?@acme.test"));
    assert_eq!(
        both.list_unsubscribe(),
        "<https://acme.test/l/1>, <mailto:leave+5b1d%25%26%3F@acme.test>"
    );
    assert!(!format!("{both:?}").contains("acme"));
}

#[test]
fn debug_hides_addresses() {
    let options = EmailOptions::new().bcc(mailbox("hidden@acme.test"));
    assert!(!format!("{options:?}").contains("hidden"));
}
