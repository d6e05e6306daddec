use super::{HOSTILE, SWITCHES, address, mailbox};
use crate::{
    channel::{
        Channel, Compose, ComposeError, Email, PartKind, Parts,
        email::{EmailMessage, EmailOptions, Header, Unsubscribe},
    },
    clock::Timestamp,
    event::{Attachment, Recipient},
    name::{TenantId, Topic},
};

struct Input {
    name: Option<String>,
    parts: Vec<(&'static str, String)>,
    options: EmailOptions,
    attachments: Vec<Attachment>,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            name: Some("Ada".to_owned()),
            parts: vec![
                ("subject.txt", "Your invoice".to_owned()),
                ("body.html", "<p>Hello</p>".to_owned()),
                ("body.txt", "Hello".to_owned()),
            ],
            options: EmailOptions::new(),
            attachments: Vec::new(),
        }
    }
}

impl Input {
    fn part(mut self, name: &'static str, text: impl Into<String>) -> Self {
        self.parts.retain(|(part, _)| *part != name);
        self.parts.push((name, text.into()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.parts.retain(|(part, _)| *part != name);
        self
    }

    fn compose(self) -> Result<EmailMessage, ComposeError> {
        self.compose_with(&Email::from("Acme <hello@acme.test>").unwrap())
    }

    fn compose_with(self, email: &Email) -> Result<EmailMessage, ComposeError> {
        let recipient = Recipient {
            name: self.name,
            ..Recipient::default()
        };
        email.compose(Compose {
            delivery: DELIVERY.parse().unwrap(),
            tenant: &TenantId::default(),
            accepted_at: "2026-11-23T10:00:00Z".parse().unwrap(),
            to: &address("Ada@example.org"),
            recipient: &recipient,
            locale: "en",
            topic: &Topic::new("a.b").unwrap(),
            category: None,
            data: &serde_json::Value::Null,
            parts: &self.parts.into_iter().collect::<Parts>(),
            options: &self.options,
            attachments: &self.attachments,
        })
    }

    fn refused(self) -> String {
        self.compose().unwrap_err().to_string()
    }
}

const DELIVERY: &str = "01998c5e-0000-7000-8000-000000000001";

#[test]
fn parts() {
    let parts: Vec<_> = Email::PARTS
        .iter()
        .map(|part| (part.name, part.kind, part.required))
        .collect();
    assert_eq!(
        parts,
        [
            ("subject.txt", PartKind::Header, true),
            ("body.html", PartKind::Html, false),
            ("body.txt", PartKind::Text, false),
        ]
    );
}

#[test]
fn composed() {
    let unsubscribe = Unsubscribe::new("https://acme.test/leave/1").unwrap();
    let file = Attachment::new("a.pdf", "application/pdf", &b"%PDF"[..]);
    let message = Input {
        options: EmailOptions::new()
            .cc(mailbox("cc@acme.test"))
            .bcc(mailbox("bcc@acme.test"))
            .header(Header::new("X-A", "1").unwrap())
            .unsubscribe(unsubscribe),
        attachments: vec![file.clone()],
        ..Input::default()
    }
    .compose()
    .unwrap();

    assert_eq!(message.from, mailbox("Acme <hello@acme.test>"));
    assert_eq!(message.to, mailbox("Ada <Ada@example.org>"));
    assert_eq!(message.to.address().spelled(), "Ada@example.org");
    assert_eq!(message.subject, "Your invoice");
    assert_eq!(message.html.as_deref(), Some("<p>Hello</p>"));
    assert_eq!(message.text.as_deref(), Some("Hello"));
    assert_eq!(message.message_id, format!("<{DELIVERY}@acme.test>"));
    assert_eq!(
        message.date,
        "2026-11-23T10:00:00Z".parse::<Timestamp>().unwrap()
    );
    assert_eq!(message.attachments, [file]);
    let headers: Vec<_> = message
        .more_headers()
        .map(|(name, value)| (name, value.into_owned()))
        .collect();
    assert_eq!(
        headers,
        [
            ("X-A", "1".to_owned()),
            ("List-Unsubscribe", "<https://acme.test/leave/1>".to_owned()),
            (
                "List-Unsubscribe-Post",
                "List-Unsubscribe=One-Click".to_owned()
            ),
        ]
    );
    let recipients: Vec<_> = message
        .recipients()
        .map(|mailbox| mailbox.address().spelled())
        .collect();
    assert_eq!(
        recipients,
        ["Ada@example.org", "cc@acme.test", "bcc@acme.test"]
    );
}

#[test]
fn the_same_input_gives_the_same_message() {
    assert_eq!(Input::default().compose(), Input::default().compose());
}

#[test]
fn settings_of_the_channel() {
    let email = Email::from("Acme <hello@acme.test>")
        .unwrap()
        .reply_to("Support <support@acme.test>")
        .unwrap()
        .message_id_domain("Mail.Acme.Test")
        .unwrap();
    let message = Input::default().compose_with(&email).unwrap();
    assert_eq!(message.reply_to, [mailbox("Support <support@acme.test>")]);
    assert_eq!(message.message_id, format!("<{DELIVERY}@mail.acme.test>"));

    let other = Input {
        options: EmailOptions::new().reply_to(mailbox("sales@acme.test")),
        ..Input::default()
    };
    let message = other.compose_with(&email).unwrap();
    assert_eq!(message.reply_to, [mailbox("sales@acme.test")]);
}

#[test]
fn settings_that_are_refused() {
    let email = || Email::from("hello@acme.test").unwrap();
    let hostile = HOSTILE.map(|(_, text)| format!("{text} <hello@acme.test>"));
    for text in hostile
        .iter()
        .map(String::as_str)
        .chain(["", "Acme", "Acme <>"])
    {
        let error = Email::from(text).unwrap_err();
        assert!(error.to_string().starts_with("the sender cannot be used: "));
        assert!(email().reply_to(text).is_err());
    }
    for domain in ["", "a b", "acme.test>", "acme\r\n.test", "[192.0.2.1]"] {
        assert!(email().message_id_domain(domain).is_err(), "{domain:?}");
    }
}

#[test]
fn one_body_is_enough() {
    let html = Input::default().without("body.txt").compose().unwrap();
    assert_eq!((html.html.is_some(), html.text.is_some()), (true, false));
    let text = Input::default().without("body.html").compose().unwrap();
    assert_eq!((text.html.is_some(), text.text.is_some()), (false, true));
    let error = Input::default()
        .without("body.txt")
        .without("body.html")
        .refused();
    assert!(error.contains("needs a body"), "{error}");
}

#[test]
fn subjects() {
    let subject = |text: &str| Input::default().part("subject.txt", text).compose();
    assert_eq!(subject("  Hello ").unwrap().subject, "Hello");
    assert_eq!(
        subject("مرحبًا \u{2068}Ada\u{2069}").unwrap().subject,
        "مرحبًا \u{2068}Ada\u{2069}"
    );
    assert!(subject(&"s".repeat(998)).is_ok());
    let turned = subject("for Eve\u{202e}fdp.exe").unwrap_err().to_string();
    assert!(
        turned.contains("direction") && !turned.contains("Eve"),
        "{turned}"
    );
    for (text, reason) in [
        ("", "empty"),
        ("   ", "empty"),
        (&*"s".repeat(999), "999 bytes; at most 998"),
        (&*"s".repeat(50_000), "50000 bytes"),
        (&*"件".repeat(333), "999 bytes"),
    ] {
        let error = subject(text).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
    for (what, text) in HOSTILE {
        let error = subject(text).unwrap_err().to_string();
        assert!(error.contains("one line"), "{what}: {error}");
        assert!(!error.contains("Eve"), "{what}: {error}");
    }
    assert!(
        Input::default()
            .without("subject.txt")
            .refused()
            .contains("empty")
    );
}

#[test]
fn bodies() {
    for part in ["body.html", "body.txt"] {
        let body = |text: String| Input::default().part(part, text);
        assert!(body("x".repeat(Email::MAX_BODY)).compose().is_ok());
        let error = body("x".repeat(10_000_000)).refused();
        assert!(error.contains("10000000 bytes; at most 2097152"), "{error}");
        assert!(error.contains(part), "{error}");
        assert!(body("a\0b".to_owned()).refused().contains("NUL"));
        for empty in ["", " \r\n\t"] {
            let error = body(empty.to_owned()).refused();
            assert!(error.contains(&format!("`{part}` is empty")), "{error}");
        }
        assert!(body("a\r\nb\n\tc\u{202e}d".to_owned()).compose().is_ok());

        let small = Email::from("hello@acme.test").unwrap().max_body(20);
        assert!(body("x".repeat(20)).compose_with(&small).is_ok());
        assert!(body("x".repeat(21)).compose_with(&small).is_err());
    }
}

#[test]
fn names_of_recipients() {
    let named = |name: &str| Input {
        name: Some(name.to_owned()),
        ..Input::default()
    };
    assert_eq!(named(" ").compose().unwrap().to.name(), None);
    assert_eq!(
        named("💌 \"A\", <b>").compose().unwrap().to.name(),
        Some("💌 \"A\", <b>")
    );
    let switches = SWITCHES.map(|c| format!("Eve{c}"));
    let hostile = HOSTILE.map(|(_, text)| text.to_owned());
    for name in hostile.iter().chain(&switches) {
        let error = named(name).refused();
        assert!(error.contains("the recipient's name"), "{error}");
        assert!(!error.contains("Eve"), "{error}");
    }
    assert!(named(&"n".repeat(321)).refused().contains("320 bytes"));
}

#[test]
fn options_are_checked_again_when_composing() {
    let mut input = Input::default();
    input.options.cc = vec![mailbox("a@acme.test"); 51];
    assert!(input.refused().contains("at most 50"));
}

#[test]
fn attachments() {
    let with = |attachments: Vec<Attachment>| Input {
        attachments,
        ..Input::default()
    };
    let file = |content_type: &str| Attachment::new("a.bin", content_type, &b"x"[..]);
    for good in [
        "application/pdf",
        "text/plain;charset=utf-8",
        "text/plain; charset=utf-8",
        "text/plain ; charset=\"utf-8\"",
        "image/svg+xml",
        "x/y;a=b;c=d",
    ] {
        assert!(with(vec![file(good)]).compose().is_ok(), "{good}");
    }
    for bad in [
        "pdf",
        "a/b/c",
        "text/",
        "text/plain;",
        "text/pläin",
        "a/b;c",
        "text/plain\r\nX: y",
    ] {
        let error = with(vec![file(bad)]).refused();
        assert!(
            error.contains("content type of attachment 0 must"),
            "{bad}: {error}"
        );
    }
    for name in HOSTILE
        .map(|(_, text)| text.to_owned())
        .iter()
        .chain(&SWITCHES.map(|c| format!("Eve{c}fdp.exe")))
    {
        let error = with(vec![Attachment::new(name, "a/b", &b"x"[..])]).refused();
        assert!(error.contains("file name of attachment 0"), "{error}");
        assert!(!error.contains("Eve"), "{error}");
    }
    let logo = || file("image/png").inline("logo@acme");
    assert!(
        with(vec![logo(), file("image/png").inline("other")])
            .compose()
            .is_ok()
    );
    assert!(
        with(vec![logo(), logo()])
            .refused()
            .contains("attachment 1 is used before")
    );
    assert!(
        with(vec![file("image/png").inline("lögo")])
            .refused()
            .contains("ASCII")
    );
    assert!(
        with(vec![file("a/b"); 101])
            .refused()
            .contains("101 attachments")
    );
}

#[test]
fn stored_messages_come_back_without_their_files() {
    let file = Attachment::new("a.pdf", "application/pdf", &b"%PDF"[..]);
    let message = Input {
        attachments: vec![file.clone()],
        ..Input::default()
    }
    .compose()
    .unwrap();
    let json = serde_json::to_string(&message).unwrap();
    assert!(!json.contains("a.pdf"));
    let mut back: EmailMessage = serde_json::from_str(&json).unwrap();
    assert!(back.attachments.is_empty());
    assert_eq!(back.to.address().spelled(), "Ada@example.org");
    Email::from("hello@acme.test")
        .unwrap()
        .attach(&mut back, &[file]);
    assert_eq!(back, message);
}

#[test]
fn debug_hides_addresses_and_content() {
    let message = Input::default().compose().unwrap();
    let email = Email::from("Boss <boss@acme.test>").unwrap();
    let shown = format!("{message:?} {email:?}");
    for secret in ["Ada", "invoice", "Hello", "hello@", "Boss", "boss@"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}
