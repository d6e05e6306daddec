//! Mails: composed, kept, and written as a file.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;
use signalbus::{
    DeliveryId, TenantId, Timestamp, Topic,
    channel::{
        Address, Channel, Compose, ComposeError, Email, Parts,
        email::{EmailAddress, EmailMessage, EmailOptions},
    },
    event::{Attachment, Recipient},
    fuzzing,
};
use signalbus_smtp::to_eml;
use uuid::Uuid;

use crate::{engine::sender, secret};

/// What a mail is made of.
#[derive(Deserialize)]
struct Input {
    to: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    subject: String,
    #[serde(default)]
    html: Option<String>,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    options: EmailOptions,
    #[serde(default)]
    attachments: Vec<Attachment>,
}

/// Takes bytes for what a mail is made of.
pub fn target(data: &[u8]) {
    let Ok(input) = serde_json::from_slice::<Input>(data) else {
        return;
    };
    let Ok(to) = EmailAddress::parse(&input.to) else {
        return;
    };
    match compose(&input, &to) {
        Ok(message) => {
            comes_back(&message);
            is_writable(&message);
        }
        Err(error) if !has_open_secret(&input.options) => secret::not_told_by(&error),
        Err(_) => {}
    }
}

/// The names of headers are named in errors.
fn has_open_secret(options: &EmailOptions) -> bool {
    options
        .headers
        .iter()
        .any(|header| secret::is_in(header.name()))
}

fn compose(input: &Input, to: &EmailAddress) -> Result<EmailMessage, ComposeError> {
    let parts: Parts = [
        ("subject.txt", Some(input.subject.clone())),
        ("body.html", input.html.clone()),
        ("body.txt", input.text.clone()),
    ]
    .into_iter()
    .filter_map(|(name, text)| Some((name, text?)))
    .collect();
    let mut recipient = Recipient::new().email(to.spelled());
    recipient.name.clone_from(&input.name);
    sender().compose(Compose {
        delivery: DeliveryId::from_uuid(Uuid::nil()),
        tenant: &TenantId::default(),
        accepted_at: Timestamp::UNIX_EPOCH,
        to,
        recipient: &recipient,
        locale: "en",
        topic: &Topic::new("user.signup").expect("a good topic"),
        category: None,
        data: &Value::Null,
        parts: &parts,
        options: &input.options,
        attachments: &input.attachments,
    })
}

/// Kept for the next try, it is the same mail.
fn comes_back(message: &EmailMessage) {
    let blob = fuzzing::keep::<Email>(message.clone(), "pt-BR", None).expect("a blob");
    let (mut kept, locale, doubt) = fuzzing::kept::<Email>(&blob).expect("it reads what it wrote");
    sender().attach(&mut kept, &message.attachments);
    assert_eq!(&kept, message);
    assert_eq!((locale.as_str(), doubt), ("pt-BR", None));
}

/// Written as a file it has the headers that were set, each once, and lines that servers take.
pub(crate) fn is_writable(message: &EmailMessage) {
    let Ok(eml) = to_eml(message) else {
        return;
    };
    let lines = lines(&eml);
    let mut expected: BTreeSet<String> = KNOWN.iter().map(|name| (*name).to_owned()).collect();
    expected.extend(
        message
            .more_headers()
            .map(|(name, _)| name.to_ascii_lowercase()),
    );
    let mut seen = BTreeSet::new();
    for line in lines.iter().take_while(|line| !line.is_empty()) {
        if line.starts_with([' ', '\t']) {
            continue;
        }
        let (name, _) = line.split_once(':').expect("a header has a name");
        let name = name.to_ascii_lowercase();
        assert!(expected.contains(&name), "nobody set {name:?}");
        assert!(seen.insert(name), "twice: {line:?}");
    }
    for name in [
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "mime-version",
    ] {
        assert!(seen.contains(name), "no {name}");
    }
}

const KNOWN: [&str; 11] = [
    "date",
    "from",
    "reply-to",
    "to",
    "cc",
    "subject",
    "message-id",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-disposition",
];

/// RFC 5322 section 2.1.1: no line is longer than 998 bytes, and each ends with CR and LF.
fn lines(eml: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(eml);
    let lines: Vec<String> = text.split("\r\n").map(str::to_owned).collect();
    for line in &lines {
        assert!(!line.contains(['\r', '\n']), "a bare line break: {line:?}");
        assert!(line.len() <= 998, "a line of {} bytes", line.len());
    }
    lines
}
