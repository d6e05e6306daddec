use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use sha2::{Digest, Sha256};
use signalbus_core::{
    DeliveryId,
    channel::{Address, email::EmailAddress},
    name::TenantId,
    provider::Report,
    store::{Bounce, Cause, ReceiptKind},
};

use crate::{correlation, response::message_id};

/// One event as webhooks and the event interfaces tell it (Mailgun, "Webhook Payloads", 2026). What is
/// not known is left alone: Mailgun adds fields at any time.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct MailgunEvent {
    /// Mailgun's id: unique within a day only.
    pub id: String,
    /// What happened: `delivered`, `failed`, `complained` and so on.
    pub event: String,
    /// When it happened.
    pub timestamp: Option<Timestamp>,
    /// Whom it is about.
    pub recipient: Option<String>,
    /// The `Message-ID` of the mail, without brackets.
    pub message_id: Option<String>,
    /// `temporary` or `permanent`, of what failed.
    pub severity: Option<String>,
    /// Mailgun's word for why: `bounce`, `suppress-bounce`, `generic`, `old` and so on.
    pub reason: Option<String>,
    /// The code of the other server, or Mailgun's own from 600 on.
    pub code: Option<i64>,
    /// The enhanced code of the other server, as in `5.1.1` (RFC 3463).
    pub enhanced_code: Option<String>,
    /// The bounce came by mail after the message had been accepted.
    pub is_delayed_bounce: bool,
    /// What opened or clicked is known to be a machine.
    pub by_machine: bool,
    /// The sending domain.
    pub domain: Option<String>,
    /// Our words for the message, if it is ours: tenant, delivery and generation.
    pub ours: Option<(TenantId, DeliveryId, u32)>,
    /// It is about somebody who got a copy (cc or bcc), and says nothing of the delivery itself.
    pub is_copy: bool,
}

impl MailgunEvent {
    /// Reads an event; none when it has neither id nor event.
    #[must_use]
    pub fn read(value: &Value) -> Option<Self> {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let status = &value["delivery-status"];
        let headers = &value["message"]["headers"];
        let bot = &value["client-info"]["bot"];
        let ours = value["user-variables"][correlation::VARIABLE].as_str();
        let (ours, to) = ours.and_then(correlation::read).unzip();
        let recipient = text(&value["recipient"]);
        let is_copy = match (
            &ours,
            to.flatten(),
            recipient.as_deref().map(EmailAddress::parse),
        ) {
            (Some((_, delivery, _)), Some(to), Some(Ok(address))) => {
                to != correlation::mark(*delivery, address.as_str())
            }
            _ => false,
        };
        Some(Self {
            id: text(&value["id"])?,
            event: text(&value["event"])?,
            timestamp: timestamp(&value["timestamp"]).or_else(|| {
                // The newer interface writes a date instead.
                value["@timestamp"].as_str()?.parse().ok()
            }),
            recipient,
            message_id: headers["message-id"]
                .as_str()
                .map(|id| message_id(id).to_owned()),
            severity: text(&value["severity"]),
            reason: text(&value["reason"]),
            code: status["code"].as_i64(),
            enhanced_code: text(&status["enhanced-code"]).filter(|code| !code.is_empty()),
            is_delayed_bounce: value["flags"]["is-delayed-bounce"]
                .as_bool()
                .unwrap_or(false),
            by_machine: bot.as_str().is_some_and(|bot| !bot.is_empty()),
            domain: text(&value["domain"]["name"]),
            ours,
            is_copy,
        })
    }

    /// What the event says about its message.
    #[must_use]
    pub fn report(&self) -> Report {
        let mut report = Report::new(self.kind(), self.statement());
        if let Some((tenant, delivery, generation)) = &self.ours {
            report.tenant = Some(tenant.clone());
            report.delivery = Some(*delivery);
            report.generation = *generation;
        }
        report.message.clone_from(&self.message_id);
        report.occurred_at = self.timestamp;
        report.code = match (self.code, &self.enhanced_code) {
            (Some(code), Some(enhanced)) => Some(format!("{code} {enhanced}")),
            (Some(code), None) => Some(code.to_string()),
            (None, enhanced) => enhanced.clone(),
        };
        // A word of Mailgun's; a sentence of the other server's could quote the address.
        report.detail = self.reason.clone().filter(|reason| is_word(reason));
        report.address.clone_from(&self.recipient);
        report.by_machine = self.by_machine;
        report.bounce = self.bounce();
        report.suppress = match (self.event.as_str(), report.bounce) {
            ("complained", _) => Some(Cause::Complained),
            ("unsubscribed", _) => Some(Cause::Unsubscribed),
            ("failed" | "permanent_fail", Some(Bounce::Hard)) => Some(Cause::Bounced),
            _ => None,
        };
        report
    }

    fn kind(&self) -> ReceiptKind {
        match self.said() {
            // Kept, and no rung of the ladder.
            kind if self.is_copy => ReceiptKind::Other(format!("copy_{}", kind.as_str())),
            kind => kind,
        }
    }

    fn said(&self) -> ReceiptKind {
        match (self.event.as_str(), self.severity.as_deref()) {
            // Mailgun tries again by itself.
            ("failed" | "temporary_fail", Some("temporary")) | ("temporary_fail", None) => {
                ReceiptKind::Deferred
            }
            ("failed" | "permanent_fail" | "rejected", _) => ReceiptKind::Bounced,
            ("delivered", _) => ReceiptKind::Delivered,
            ("complained", _) => ReceiptKind::Complained,
            ("opened" | "unique_opened", _) => ReceiptKind::Opened,
            ("clicked" | "unique_clicked", _) => ReceiptKind::Clicked,
            (other, _) => ReceiptKind::Other(other.to_owned()),
        }
    }

    /// Whether a failure says that the address is no good. A refusal of the mail (policy, content,
    /// reputation) or a full mailbox does not, however final.
    fn bounce(&self) -> Option<Bounce> {
        match self.said() {
            ReceiptKind::Deferred => return Some(Bounce::Soft),
            ReceiptKind::Bounced => {}
            _ => return None,
        }
        let hard = match (self.enhanced_code.as_deref(), self.code) {
            // No such mailbox, no such domain, bad syntax, moved, null MX, disabled (RFC 3463 section
            // 3.2 and 3.3, RFC 7505).
            (Some("5.1.1" | "5.1.2" | "5.1.3" | "5.1.6" | "5.1.10" | "5.2.1"), _) => true,
            (Some(_), _) => false,
            // Mailgun's own: it has the address on its bounce list.
            (None, Some(605)) => true,
            // Without an enhanced code, only Mailgun's word for it counts.
            (None, _) => matches!(self.reason.as_deref(), Some("bounce" | "suppress-bounce")),
        };
        Some(if hard && self.event != "rejected" {
            Bounce::Hard
        } else {
            Bounce::Soft
        })
    }

    /// A name for this statement. Mailgun's id is unique within a day only; with the kind and the
    /// time it is unique, and the same from a domain webhook, an account webhook and the event
    /// interfaces.
    fn statement(&self) -> String {
        let mut hash = Sha256::new();
        let at = self.timestamp.map(Timestamp::as_millisecond);
        let kind = self.kind();
        let who = self.recipient.as_deref().unwrap_or_default();
        for part in [&self.id, kind.as_str(), &format!("{at:?}"), who] {
            hash.update(part);
            hash.update([0]);
        }
        let digest: [u8; 32] = hash.finalize().into();
        digest[..16]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }
}

/// Seconds with a fraction, as a number or as text.
fn timestamp(value: &Value) -> Option<Timestamp> {
    let seconds = match value {
        Value::Number(number) => number.as_f64()?,
        Value::String(text) => text.parse().ok()?,
        _ => return None,
    };
    let since = SignedDuration::try_from_secs_f64(seconds).ok()?;
    // Milliseconds are what a float of this size can hold without noise.
    let millis = i64::try_from(since.as_millis()).ok()?;
    Timestamp::from_millisecond(millis).ok()
}

fn is_word(text: &str) -> bool {
    text.len() <= 64
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
}

impl fmt::Debug for MailgunEvent {
    /// Shows no address.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MailgunEvent")
            .field("id", &self.id)
            .field("event", &self.event)
            .field("severity", &self.severity)
            .field("reason", &self.reason)
            .field("code", &self.code)
            .field("ours", &self.ours)
            .finish_non_exhaustive()
    }
}
