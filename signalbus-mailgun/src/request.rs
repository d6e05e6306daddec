//! From a mail to a request (Mailgun API reference, "Messages", July 2026).

use std::time::Duration;

use signalbus_core::{
    channel::{
        Address, Email,
        email::{EmailMessage, Mailbox},
    },
    clock::{self, Timestamp},
    entropy::Entropy,
    provider::{Delivery, Fault, SendError},
};
use signalbus_http_client::{Multipart, Request};

use crate::{Account, MailgunConfig, SendForm, correlation};

/// The most bytes of all options and headers together.
const MAX_OPTIONS: usize = 16 * 1024;

/// The shortest and the longest time that Mailgun takes for delivering.
const DELIVER_WITHIN: (Duration, Duration) = (
    Duration::from_secs(5 * 60),
    Duration::from_secs(24 * 60 * 60),
);

pub(crate) fn send(
    delivery: &Delivery<'_, Email>,
    account: &Account,
    config: &MailgunConfig,
    entropy: &Entropy,
    now: Timestamp,
) -> Result<Request, SendError> {
    let options = options(delivery, config, now)?;
    let fields = Multipart::new(entropy);
    let (path, fields) = match config.form {
        SendForm::Fields => ("messages", message(fields, delivery.message)),
        #[cfg(feature = "mime")]
        SendForm::Mime => ("messages.mime", mime(fields, delivery.message)?),
    };
    let fields = options
        .iter()
        .fold(fields, |fields, (name, value)| fields.field(name, value));
    let url = account.base.join(["v3", &account.domain, path]);
    Ok(Request::post("send", url)
        .trace(delivery.trace)
        .basic_auth("api", &account.sending_key)
        .multipart(fields))
}

fn message(mut fields: Multipart, message: &EmailMessage) -> Multipart {
    fields = fields.field("from", &message.from.to_text());
    let copies = [("cc", &message.cc), ("bcc", &message.bcc)];
    fields = fields.field("to", &message.to.to_text());
    for (name, mailboxes) in copies {
        for mailbox in mailboxes {
            fields = fields.field(name, &mailbox.to_text());
        }
    }
    fields = fields.field("subject", &message.subject);
    if let Some(text) = &message.text {
        fields = fields.field("text", text);
    }
    if let Some(html) = &message.html {
        fields = fields.field("html", html);
    }
    for file in &message.attachments {
        let (name, file_name) = match &file.content_id {
            // Mailgun finds an inline image by its file name.
            Some(id) if message.html.is_some() => ("inline", id),
            _ => ("attachment", &file.file_name),
        };
        fields = fields.file(name, file_name, &file.content_type, file.content.clone());
    }
    fields
}

#[cfg(feature = "mime")]
fn mime(mut fields: Multipart, message: &EmailMessage) -> Result<Multipart, SendError> {
    // `bcc` is not in the mail: here is where everybody who gets it is named.
    for mailbox in message.recipients() {
        fields = fields.field("to", mailbox.address().spelled());
    }
    let mail = signalbus_smtp::to_eml(message).map_err(|error| {
        let why = format!("the message cannot be written as a mail: {error}");
        SendError::permanent(Fault::Message, why)
    })?;
    Ok(fields.file("message", "message.eml", "message/rfc822", mail.into()))
}

/// The fields beside the mail itself.
fn options(
    delivery: &Delivery<'_, Email>,
    config: &MailgunConfig,
    now: Timestamp,
) -> Result<Vec<(String, String)>, SendError> {
    let message = delivery.message;
    let mut options: Vec<(String, String)> = Vec::new();
    let mut add = |name: &str, value: &str| options.push((name.to_owned(), value.to_owned()));
    if matches!(config.form, SendForm::Fields) {
        add("h:Message-Id", &message.message_id);
        if !message.reply_to.is_empty() {
            let all: Vec<String> = message.reply_to.iter().map(Mailbox::to_text).collect();
            add("h:Reply-To", &all.join(", "));
        }
        for (name, value) in message.more_headers() {
            add(&format!("h:{name}"), &value);
        }
    }
    let switch = if config.tracking { "yes" } else { "no" };
    for name in ["o:tracking", "o:tracking-clicks", "o:tracking-opens"] {
        add(name, switch);
    }
    if config.require_tls {
        add("o:require-tls", "yes");
    }
    if config.test_mode {
        add("o:testmode", "yes");
    }
    for tag in &config.tags {
        add("o:tag", tag);
    }
    if let Some(within) = delivery.expires_at.and_then(|at| deliver_within(now, at)) {
        add("o:deliver-within", &within);
    }
    // `X-Mailgun-Sid` stays: Mailgun finds the message of a complaint by it.
    add("o:suppress-headers", "X-Mailgun-Variables,X-Mailgun-Tag");
    let mark = correlation::mark(delivery.id, delivery.to.as_str());
    let correlation = correlation::write(delivery.tenant, &delivery.reference(), &mark);
    add(&format!("v:{}", correlation::VARIABLE), &correlation);

    let bytes: usize = options
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if bytes > MAX_OPTIONS {
        return Err(SendError::permanent(
            Fault::Message,
            format!("headers and options take {bytes} bytes; Mailgun takes {MAX_OPTIONS}"),
        ));
    }
    Ok(options)
}

/// How long Mailgun may try, as in `1h30m`; none when that is longer than it can be told. An expiry
/// within five minutes becomes five: the shortest there is.
fn deliver_within(now: Timestamp, expires_at: Timestamp) -> Option<String> {
    let (shortest, longest) = DELIVER_WITHIN;
    let left = clock::until(now, expires_at).max(shortest);
    if left > longest {
        return None;
    }
    let minutes = left.as_secs() / 60;
    Some(match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes}m"),
        (hours, 0) => format!("{hours}h"),
        (hours, minutes) => format!("{hours}h{minutes}m"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expiry_becomes_the_time_for_delivering() {
        let now = Timestamp::constant(1_893_456_000, 0);
        for (seconds, within) in [
            (0, Some("5m")),
            (299, Some("5m")),
            (301, Some("5m")),
            (1_800, Some("30m")),
            (5_400, Some("1h30m")),
            (5_459, Some("1h30m")),
            (7_200, Some("2h")),
            (86_400, Some("24h")),
            (86_401, None),
        ] {
            let at = clock::later(now, Duration::from_secs(seconds));
            assert_eq!(deliver_within(now, at).as_deref(), within, "{seconds}");
        }
    }
}
