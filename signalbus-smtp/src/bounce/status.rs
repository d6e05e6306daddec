//! `message/delivery-status` (RFC 3464 section 2).

use crate::{
    client::Enhanced,
    mail::{fields, find},
};

/// What is said of one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Recipient {
    /// As it was sent, if known, and as it was in the end.
    pub(super) addresses: Vec<String>,
    pub(super) action: Action,
    pub(super) status: Option<Enhanced>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Failed,
    Delayed,
    Delivered,
    Relayed,
    Expanded,
}

/// Reads the recipients. Groups that say of nobody what became of the mail are passed over.
pub(super) fn recipients(text: &[u8]) -> Vec<Recipient> {
    groups(text)
        .iter()
        .filter_map(|group| recipient(group))
        .collect()
}

/// Groups of fields, with empty lines between them.
fn groups(text: &[u8]) -> Vec<Vec<(String, String)>> {
    let text = String::from_utf8_lossy(text).replace("\r\n", "\n");
    text.split("\n\n")
        .map(|group| fields(group.as_bytes()))
        .collect()
}

fn recipient(group: &[(String, String)]) -> Option<Recipient> {
    let action = match find(group, "Action")?.to_ascii_lowercase().as_str() {
        "failed" => Action::Failed,
        "delayed" => Action::Delayed,
        "delivered" => Action::Delivered,
        "relayed" => Action::Relayed,
        "expanded" => Action::Expanded,
        _ => return None,
    };
    let addresses: Vec<String> = ["Original-Recipient", "Final-Recipient"]
        .iter()
        .filter_map(|name| find(group, name))
        .map(|value| address(&value))
        .collect();
    if addresses.is_empty() {
        return None;
    }
    let status = find(group, "Status").and_then(|status| {
        // Some write what it means behind it: `5.1.1 (bad destination mailbox address)`.
        Enhanced::parse(status.split_ascii_whitespace().next()?)
    });
    let said = find(group, "Diagnostic-Code").and_then(|text| diagnosed(&text));
    // `5.0.0` only says that it failed; the server's own words often say more.
    let vague = status.is_none_or(|status| status.what() == (0, 0));
    let status = if vague { said.or(status) } else { status };
    Some(Recipient {
        addresses,
        action,
        status,
    })
}

/// The address of `rfc822; <ada@example.org>`.
fn address(value: &str) -> String {
    let address = value.split_once(';').map_or(value, |(_, rest)| rest).trim();
    let address = address.strip_prefix('<').unwrap_or(address);
    address.strip_suffix('>').unwrap_or(address).to_owned()
}

/// The enhanced code in `smtp; 550-5.1.1 The email account …`.
fn diagnosed(text: &str) -> Option<Enhanced> {
    text.split([' ', '-', ';', '(', ')', '#', ':'])
        .take(8)
        .find_map(Enhanced::parse)
}
