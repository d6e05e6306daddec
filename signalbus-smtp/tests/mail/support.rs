use mail_parser::{Message, MessageParser};
use signalbus::{
    Attachment, Channel, Recipient,
    channel::{
        Compose, Email, Parts,
        email::{EmailAddress, EmailMessage, EmailOptions, Mailbox},
    },
    name::{TenantId, Topic},
};
use signalbus_smtp::to_eml;

pub(crate) const DELIVERY: &str = "01998c5e-0000-7000-8000-000000000001";

/// What goes into a mail; the defaults are as plain as can be.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    pub(crate) from: Email,
    pub(crate) to: EmailAddress,
    pub(crate) name: Option<String>,
    pub(crate) subject: String,
    pub(crate) html: Option<String>,
    pub(crate) text: Option<String>,
    pub(crate) options: EmailOptions,
    pub(crate) attachments: Vec<Attachment>,
}

impl Default for Draft {
    fn default() -> Self {
        Self {
            from: Email::from("Acme <hello@acme.test>").unwrap(),
            to: "ada@example.org".parse().unwrap(),
            name: None,
            subject: "Hello".to_owned(),
            html: None,
            text: Some("Hi".to_owned()),
            options: EmailOptions::new(),
            attachments: Vec::new(),
        }
    }
}

impl Draft {
    pub(crate) fn message(self) -> EmailMessage {
        let parts = [
            ("subject.txt", Some(self.subject)),
            ("body.html", self.html),
            ("body.txt", self.text),
        ];
        let parts: Parts = parts
            .into_iter()
            .filter_map(|(name, text)| Some((name, text?)))
            .collect();
        let recipient = Recipient {
            name: self.name,
            ..Recipient::default()
        };
        self.from
            .compose(Compose {
                delivery: DELIVERY.parse().unwrap(),
                tenant: &TenantId::default(),
                accepted_at: "2026-11-23T10:15:30.5Z".parse().unwrap(),
                to: &self.to,
                recipient: &recipient,
                locale: "en",
                topic: &Topic::new("user.signup").unwrap(),
                category: None,
                data: &serde_json::Value::Null,
                parts: &parts,
                options: &self.options,
                attachments: &self.attachments,
            })
            .unwrap()
    }

    pub(crate) fn eml(self) -> Vec<u8> {
        eml(&self.message())
    }
}

/// Writes a mail and checks what holds for every one: lines end in CRLF, none is longer than RFC
/// 5322 section 2.1.1 allows, and only addresses may be more than ASCII.
pub(crate) fn eml(message: &EmailMessage) -> Vec<u8> {
    let eml = to_eml(message).unwrap();
    let text = std::str::from_utf8(&eml).unwrap();
    for line in text.split("\r\n") {
        assert!(line.len() <= 998, "a line of {} bytes", line.len());
        assert!(!line.contains(['\r', '\n', '\0']), "{line:?}");
    }
    if message
        .recipients()
        .chain([&message.from])
        .chain(&message.reply_to)
        .all(|mailbox| !mailbox.address().needs_smtputf8())
    {
        assert!(text.is_ascii());
    }
    eml
}

pub(crate) fn read(eml: &[u8]) -> Message<'_> {
    MessageParser::default().parse(eml).unwrap()
}

/// The names of all headers of the mail, in order.
pub(crate) fn names(mail: &Message<'_>) -> Vec<String> {
    mail.headers()
        .iter()
        .map(|header| header.name().to_owned())
        .collect()
}

/// Names and addresses of a header.
pub(crate) fn people(header: Option<&mail_parser::Address<'_>>) -> Vec<(Option<String>, String)> {
    header
        .into_iter()
        .flat_map(|header| header.iter())
        .map(|address| {
            (
                address.name().map(str::to_owned),
                address.address().unwrap().to_owned(),
            )
        })
        .collect()
}

pub(crate) fn person(mailbox: &Mailbox) -> (Option<String>, String) {
    (
        mailbox.name().map(str::to_owned),
        mailbox.address().spelled().to_owned(),
    )
}

/// As a mail carries text: every line break is CRLF.
pub(crate) fn crlf(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\r', "\n")
        .replace('\n', "\r\n")
}
