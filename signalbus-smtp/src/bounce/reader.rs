use mail_parser::{MessageParser, MessagePart, MimeHeaders, PartType};
use ring::digest::{SHA256, digest};
use signalbus_core::{
    channel::{Address, email::EmailAddress},
    clock::Timestamp,
    id::DeliveryId,
    name::{NameError, ProviderName, TenantId},
    store::{Receipt, ReceiptKind, ReceiptTarget},
};

use super::{
    BounceError, BounceKey, base32,
    feedback::{self, Feedback},
    return_path::{HEADER, SEPARATOR},
    status::{self, Action},
    token::{ANYBODY, LENGTH, Token},
};
use crate::{
    client::Enhanced,
    mail::{fields, find},
};

/// Reads what comes back to the [`ReturnPath`](super::ReturnPath): bounces and complaints.
///
/// How the mails are got is the host's business: from a pipe of the mail server, a mailbox, a
/// webhook. Each is handed over as it is, and gives receipts for the store.
///
/// ```
/// use signalbus_smtp::{BounceKey, BounceReader};
///
/// # fn example(mail: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
/// let key = BounceKey::new("the random secret that the mails were sent with")?;
/// let reader = BounceReader::new(key, "smtp")?;
/// for bounce in reader.read(mail)? {
///     if let Some(receipt) = bounce.receipt {
///         // hand it to the store
///         # drop(receipt);
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct BounceReader {
    key: BounceKey,
    provider: ProviderName,
    tenants: Vec<TenantId>,
}

/// What one report says about one recipient of one mail.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Bounce {
    /// Which delivery.
    pub delivery: DeliveryId,
    /// Which redrive of it.
    pub generation: u16,
    /// Whom it is about.
    pub about: About,
    /// The enhanced code, such as `5.1.1`.
    pub status: Option<String>,
    /// Whether nothing will ever arrive at the address: there is no such mailbox. What a receiver's
    /// policy refuses (5.7.x), a full mailbox or a delay is not.
    pub hard: bool,
    /// For the store. None when it is about a copy: the delivery itself is none the worse.
    pub receipt: Option<Receipt>,
}

/// Whom a report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum About {
    /// The recipient of the delivery.
    Recipient,
    /// Somebody in `cc` or `bcc`, or somebody whom a recipient forwards to.
    Copy,
}

/// What a report says, before it is known of which mail.
enum Said {
    Status(Vec<status::Recipient>),
    Feedback(Feedback),
}

impl BounceReader {
    /// The largest report that is read, in bytes: 25 MiB, as some have the whole mail in them.
    pub const MAX: usize = 25 * 1024 * 1024;

    /// Reads reports on mails that were sent with this key by the provider of this name, for the
    /// default tenant.
    ///
    /// # Errors
    /// When the name is not one a provider can have.
    pub fn new(key: BounceKey, provider: &str) -> Result<Self, NameError> {
        Ok(Self {
            key,
            provider: ProviderName::new(provider)?,
            tenants: vec![TenantId::default()],
        })
    }

    /// Reads reports for these tenants too.
    #[must_use]
    pub fn with_tenants(mut self, tenants: impl IntoIterator<Item = TenantId>) -> Self {
        self.tenants.extend(tenants);
        self
    }

    /// Reads a mail, as it came.
    ///
    /// # Errors
    /// When it is no report, about none of our mails, forged or too large. None of that is worth
    /// another try.
    pub fn read(&self, mail: &[u8]) -> Result<Vec<Bounce>, BounceError> {
        if mail.len() > Self::MAX {
            return Err(BounceError::TooLarge);
        }
        let message = MessageParser::default()
            .parse(mail)
            .ok_or(BounceError::NoReport)?;
        let head = &mail[..head_end(mail)];
        let outer = fields(head);
        let mut said = None;
        let mut clues = clues_of(&outer);
        for part in &message.parts {
            match kind(part) {
                "delivery-status" | "global-delivery-status" => {
                    let recipients = status::recipients(bytes(part, mail));
                    if !recipients.is_empty() {
                        said = Some(Said::Status(recipients));
                    }
                }
                "feedback-report" => {
                    if let Some(feedback) = feedback::read(bytes(part, mail)) {
                        clues.extend(feedback.mail_from.iter().cloned());
                        said = Some(Said::Feedback(feedback));
                    }
                }
                // The mail itself, or its headers.
                "rfc822" | "rfc822-headers" | "global" | "global-headers" => {
                    let bytes = bytes(part, mail);
                    clues.extend(clues_of(&fields(&bytes[..head_end(bytes)])));
                }
                _ => {}
            }
        }
        let said = match said {
            Some(said) => said,
            None => old_exim(&outer).ok_or(BounceError::NoReport)?,
        };
        let (token, tenant) = self.token(&clues)?;
        let at = message
            .date()
            .and_then(|date| Timestamp::from_second(date.to_timestamp()).ok());
        Ok(self.bounces(said, &token, &tenant, mail, at))
    }

    /// The first token that is ours.
    fn token(&self, clues: &[String]) -> Result<(Token, TenantId), BounceError> {
        let mut seen = false;
        for token in clues.iter().flat_map(|clue| tokens(clue)) {
            seen = true;
            let of = |tenant: &&TenantId| token.is_of(self.key.key(), tenant);
            if let Some(tenant) = self.tenants.iter().find(of) {
                return Ok((token, tenant.clone()));
            }
        }
        Err(if seen {
            BounceError::Forged
        } else {
            BounceError::Unrelated
        })
    }

    fn bounces(
        &self,
        said: Said,
        token: &Token,
        tenant: &TenantId,
        mail: &[u8],
        at: Option<Timestamp>,
    ) -> Vec<Bounce> {
        // The same report, handed over again, is the same.
        let id = base32::encode(&digest(&SHA256, mail).as_ref()[..20]);
        let bounce =
            |index: usize, addresses: &[String], kind, status: Option<Enhanced>, failed| {
                let about = self.about(token, addresses);
                let receipt = Receipt {
                    tenant: tenant.clone(),
                    provider: self.provider.clone(),
                    target: ReceiptTarget::Delivery(token.delivery),
                    kind,
                    id: format!("{id}.{index}"),
                    occurred_at: at,
                };
                Bounce {
                    delivery: token.delivery,
                    generation: token.generation,
                    about,
                    status: status.map(|status| status.to_string()),
                    hard: failed && status.is_some_and(is_hard),
                    receipt: (about == About::Recipient).then_some(receipt),
                }
            };
        match said {
            Said::Feedback(feedback) => {
                vec![bounce(0, &feedback.recipients, feedback.kind, None, false)]
            }
            Said::Status(recipients) => recipients
                .iter()
                .enumerate()
                .map(|(index, recipient)| {
                    let (kind, failed) = match recipient.action {
                        Action::Failed => (ReceiptKind::Bounced, true),
                        Action::Delayed => (ReceiptKind::Deferred, false),
                        Action::Delivered => (ReceiptKind::Delivered, false),
                        Action::Relayed | Action::Expanded => (ReceiptKind::Sent, false),
                    };
                    bounce(index, &recipient.addresses, kind, recipient.status, failed)
                })
                .collect(),
        }
    }

    fn about(&self, token: &Token, addresses: &[String]) -> About {
        let same = |address: &String| {
            let address = EmailAddress::parse(address);
            address.is_ok_and(|address| token.is_for(self.key.key(), address.as_str()))
        };
        if token.tag == ANYBODY || addresses.iter().any(same) {
            About::Recipient
        } else {
            About::Copy
        }
    }
}

/// The codes after which nothing is sent to an address any more (see the table of replies in
/// `response`).
fn is_hard(status: Enhanced) -> bool {
    status.class == 5 && matches!(status.what(), (1, 1 | 2 | 3 | 6 | 10) | (2, 1))
}

/// Where the header section ends.
fn head_end(mail: &[u8]) -> usize {
    let end = |mark: &[u8]| mail.windows(mark.len()).position(|bytes| bytes == mark);
    match (end(b"\r\n\r\n"), end(b"\n\n")) {
        (Some(a), Some(b)) => a.min(b),
        (a, b) => a.or(b).unwrap_or(mail.len()),
    }
}

/// The subtype of a part, in lower case.
fn kind<'a>(part: &'a MessagePart<'_>) -> &'a str {
    let Some(kind) = part.content_type() else {
        return "";
    };
    let known = [
        "delivery-status",
        "global-delivery-status",
        "feedback-report",
        "rfc822",
        "rfc822-headers",
        "global",
        "global-headers",
    ];
    let subtype = kind.subtype().unwrap_or_default();
    let found = known
        .iter()
        .find(|known| known.eq_ignore_ascii_case(subtype));
    match kind.ctype() {
        "message" | "text" => found.copied().unwrap_or_default(),
        _ => "",
    }
}

/// What is in a part, decoded.
fn bytes<'a>(part: &'a MessagePart<'_>, mail: &'a [u8]) -> &'a [u8] {
    match &part.body {
        PartType::Text(text) | PartType::Html(text) => text.as_bytes(),
        PartType::Binary(bytes) | PartType::InlineBinary(bytes) => bytes,
        PartType::Message(message) => message.raw_message(),
        PartType::Multipart(_) => {
            let (from, to) = (part.raw_body_offset(), part.raw_end_offset());
            mail.get(from as usize..to as usize).unwrap_or_default()
        }
    }
}

/// The fields in which a token can stand.
fn clues_of(fields: &[(String, String)]) -> Vec<String> {
    [
        HEADER,
        "To",
        "Delivered-To",
        "X-Original-To",
        "Envelope-To",
        "Return-Path",
    ]
    .iter()
    .filter_map(|name| find(fields, name))
    .collect()
}

/// All that look like tokens: behind the sign in an address, or alone.
fn tokens(clue: &str) -> impl Iterator<Item = Token> {
    clue.split(|c: char| !c.is_ascii_alphanumeric() && c != SEPARATOR)
        .map(|word| word.rsplit(SEPARATOR).next().unwrap_or_default())
        .filter(|word| word.len() == LENGTH)
        .filter_map(Token::parse)
}

/// Old Exim writes no report, but names whom it failed to reach in a header.
fn old_exim(outer: &[(String, String)]) -> Option<Said> {
    let failed = find(outer, "X-Failed-Recipients")?;
    let recipients = failed.split(',').map(|address| status::Recipient {
        addresses: vec![address.trim().to_owned()],
        action: Action::Failed,
        status: None,
    });
    Some(Said::Status(recipients.collect()))
}
