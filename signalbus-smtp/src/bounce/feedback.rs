//! `message/feedback-report` (RFC 5965 section 3).

use signalbus_core::store::ReceiptKind;

use crate::mail::{fields, find};

/// A complaint, as a mailbox provider passes it on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Feedback {
    pub(super) kind: ReceiptKind,
    /// The envelope sender of the mail, if it is told.
    pub(super) mail_from: Option<String>,
    /// Whom the mail was sent to, if it is told.
    pub(super) recipients: Vec<String>,
}

/// Reads a report; none when it does not say of which kind it is.
pub(super) fn read(text: &[u8]) -> Option<Feedback> {
    let fields = fields(text);
    let kind = match find(&fields, "Feedback-Type")?
        .to_ascii_lowercase()
        .as_str()
    {
        // RFC 5965 section 7.3; `opt-out` is what older reports call a complaint.
        "abuse" | "fraud" | "virus" | "other" | "opt-out" => ReceiptKind::Complained,
        "not-spam" => ReceiptKind::Other("not_spam".to_owned()),
        // Reports about authentication (RFC 6591) are about no delivery.
        _ => return None,
    };
    let bare = |value: String| value.trim_matches(['<', '>', ' ']).to_owned();
    let recipients = fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("Original-Rcpt-To"))
        .map(|(_, value)| bare(value.trim().to_owned()));
    Some(Feedback {
        kind,
        recipients: recipients.collect(),
        mail_from: find(&fields, "Original-Mail-From").map(bare),
    })
}
