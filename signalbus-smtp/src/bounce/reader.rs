use jiff::fmt::rfc2822;
use ring::digest::{SHA256, digest};
use signalbus_core::{
    channel::{Address, email::EmailAddress},
    clock::Timestamp,
    id::DeliveryId,
    name::{NameError, ProviderName, TenantId},
    store::{Bounce, Cause, Receipt, ReceiptKind, ReceiptTarget, Scope},
};

use super::{
    BounceError, BounceKey, base32,
    feedback::{self, Feedback},
    parts::{parts, split},
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
pub struct BounceReport {
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
    /// For the store: it suppresses the address after a hard bounce and a complaint. None when it is about a copy: the delivery itself is none the worse.
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

/// What all recipients of one report have in common.
struct Report {
    token: Token,
    tenant: TenantId,
    at: Option<Timestamp>,
    id: String,
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
    pub fn read(&self, mail: &[u8]) -> Result<Vec<BounceReport>, BounceError> {
        if mail.len() > Self::MAX {
            return Err(BounceError::TooLarge);
        }
        let outer = fields(split(mail).0);
        let mut said = None;
        let mut clues = clues_of(&outer);
        for part in parts(mail) {
            match part.kind.as_str() {
                "message/delivery-status" | "message/global-delivery-status" => {
                    let recipients = status::recipients(&part.content);
                    if !recipients.is_empty() {
                        said = Some(Said::Status(recipients));
                    }
                }
                "message/feedback-report" => {
                    if let Some(feedback) = feedback::read(&part.content) {
                        clues.extend(feedback.mail_from.iter().cloned());
                        said = Some(Said::Feedback(feedback));
                    }
                }
                // The mail itself, or its headers.
                "message/rfc822"
                | "text/rfc822-headers"
                | "message/rfc822-headers"
                | "message/global"
                | "message/global-headers" => {
                    clues.extend(clues_of(&fields(split(&part.content).0)));
                }
                _ => {}
            }
        }
        let said = match said {
            Some(said) => said,
            None => old_exim(&outer).ok_or(BounceError::NoReport)?,
        };
        let (token, tenant) = self.token(&clues)?;
        let date = find(&outer, "Date").unwrap_or_default();
        let report = Report {
            token,
            tenant,
            at: rfc2822::DateTimeParser::new().parse_timestamp(&date).ok(),
            // The same mail, handed over again, is the same.
            id: base32::encode(&digest(&SHA256, mail).as_ref()[..20]),
        };
        Ok(self.reports(said, &report))
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

    fn reports(&self, said: Said, report: &Report) -> Vec<BounceReport> {
        match said {
            Said::Feedback(feedback) => {
                let (addresses, kind) = (&feedback.recipients, feedback.kind);
                vec![self.report(report, 0, addresses, kind, None)]
            }
            Said::Status(recipients) => recipients
                .iter()
                .enumerate()
                .map(|(index, recipient)| {
                    let kind = match recipient.action {
                        Action::Failed => ReceiptKind::Bounced,
                        Action::Delayed => ReceiptKind::Deferred,
                        Action::Delivered => ReceiptKind::Delivered,
                        Action::Relayed | Action::Expanded => ReceiptKind::Sent,
                    };
                    self.report(report, index, &recipient.addresses, kind, recipient.status)
                })
                .collect(),
        }
    }

    /// What is said of one recipient.
    fn report(
        &self,
        of: &Report,
        index: usize,
        addresses: &[String],
        kind: ReceiptKind,
        status: Option<Enhanced>,
    ) -> BounceReport {
        let failed = kind == ReceiptKind::Bounced;
        let hard = failed && status.is_some_and(is_hard);
        let cause = match kind {
            ReceiptKind::Complained => Some(Cause::Complained),
            _ => hard.then_some(Cause::Bounced),
        };
        let mut receipt = Receipt::new(
            of.tenant.clone(),
            self.provider.clone(),
            ReceiptTarget::Delivery(of.token.delivery),
            kind,
            format!("{}.{index}", of.id),
        );
        let status = status.map(|status| status.to_string());
        receipt.occurred_at = of.at;
        receipt.code.clone_from(&status);
        receipt.bounce = failed.then_some(if hard { Bounce::Hard } else { Bounce::Soft });
        if let Some(cause) = cause {
            receipt = receipt.suppressing(cause, Scope::default());
        }
        let about = self.about(&of.token, addresses);
        BounceReport {
            delivery: of.token.delivery,
            generation: of.token.generation,
            about,
            status,
            hard,
            receipt: (about == About::Recipient).then_some(receipt),
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
