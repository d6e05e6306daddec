//! What Mailgun's answers mean for a delivery.
//!
//! Mailgun has no codes of its own: some causes can only be told by their texts, which are looked
//! for as few words as will do. Sources: the table of errors in "api-sending" of
//! github.com/mailgun/documentation (July 2024), and the answers in Mailgun's OpenAPI 3.1 (July
//! 2026). What Mailgun writes is not passed on: it may quote an address.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use signalbus_core::{
    clock::{self, Timestamp},
    provider::{Fault, Outcome, SendError, Sent},
};
use signalbus_http_client::{Answer, BodyFault, retry_after};

use Fault::{Configuration, Message, Provider, Quota, Recipient};
use Outcome::{Permanent, Retryable, Unknown};

#[derive(Deserialize)]
struct Queued {
    id: String,
}

/// Status, the words its text contains, and what that means. The first row that fits counts.
const TABLE: &[(u16, &str, Outcome, Fault, &str)] = &[
    (
        400,
        "to parameter is not a valid address",
        Permanent,
        Recipient,
        "the address is not valid",
    ),
    (
        400,
        "cc parameter is not a valid",
        Permanent,
        Message,
        "the address of a copy is not valid",
    ),
    (
        400,
        "from parameter is not a valid",
        Permanent,
        Message,
        "the sender is not valid",
    ),
    (
        400,
        "is not allowed to send",
        Permanent,
        Configuration,
        "the domain may not send: check it at Mailgun",
    ),
    (
        400,
        "not a valid secondary dkim",
        Permanent,
        Configuration,
        "the second DKIM domain is not set up",
    ),
    (400, "", Permanent, Message, "the message is refused"),
    (401, "", Permanent, Configuration, "the key is refused"),
    (
        402,
        "",
        Permanent,
        Configuration,
        "the account may not send: check its plan",
    ),
    (
        403,
        "",
        Permanent,
        Configuration,
        "the key or the account may not send",
    ),
    (
        404,
        "",
        Permanent,
        Configuration,
        "the domain is not known: check its name and region",
    ),
    (
        405,
        "",
        Permanent,
        Configuration,
        "the base URL is not that of Mailgun",
    ),
    (413, "", Permanent, Message, "the message is too large"),
    (
        429,
        "",
        Retryable,
        Quota,
        "a limit of the account is reached",
    ),
    // Mailgun asks to try again after a 500.
    (500, "", Retryable, Provider, "Mailgun failed"),
    (503, "", Retryable, Provider, "Mailgun is not available"),
];

pub(crate) fn of(answer: &Answer, now: Timestamp) -> Result<Sent, SendError> {
    let status = answer.status();
    if answer.is_success() {
        return match answer.json::<Queued>() {
            Ok(queued) => Ok(Sent::with_id(message_id(&queued.id))),
            // The whole answer came, and it is not Mailgun's: something stands in between.
            Err(BodyFault::Malformed) => {
                Err(SendError::unknown("the answer cannot be read").with_code(status.to_string()))
            }
            // The status says that it is queued; what broke off is only its name.
            Err(_) => Ok(Sent::new()),
        };
    }
    let text = text(answer.bytes());
    let error = match TABLE
        .iter()
        .find(|(row, words, ..)| *row == status && text.contains(words))
    {
        Some((_, _, outcome, fault, message)) => match outcome {
            Permanent => SendError::permanent(*fault, *message),
            Retryable => SendError::retryable(*fault, *message),
            Unknown => SendError::unknown(*message),
        },
        None => match status {
            300..=399 => SendError::permanent(Configuration, "the base URL leads elsewhere"),
            400..=499 => SendError::permanent(Message, "the message is refused"),
            // A gateway does not know what became of what it passed on.
            _ => SendError::unknown("a server between here and Mailgun failed"),
        },
    };
    let error = error.with_code(status.to_string());
    if status == 429 {
        let said = answer.header("retry-after");
        let wait = said
            .and_then(|said| retry_after(said, now))
            .or_else(|| wait_in(&text, now));
        return Err(wait.into_iter().fold(error, SendError::with_retry_after));
    }
    Err(error)
}

/// The id as events have it: without the brackets that the answer to a send has.
pub(crate) fn message_id(id: &str) -> &str {
    id.trim().trim_start_matches('<').trim_end_matches('>')
}

/// The text of an error: `{"message": …}`, `{"Reason": …}`, or a bare string.
fn text(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = match &value {
        Value::Object(fields) => ["message", "Message", "Reason", "reason", "error"]
            .iter()
            .find_map(|field| fields.get(*field)?.as_str()),
        Value::String(text) => Some(text.as_str()),
        _ => None,
    };
    text.unwrap_or_default().to_owned()
}

/// Mailgun puts the time to wait into the text: `try again after Mon, 20 Dec 2021 20:33:21 UTC`, or
/// `try again after 120 seconds`.
fn wait_in(text: &str, now: Timestamp) -> Option<Duration> {
    let (_, said) = text.rsplit_once("try again after ")?;
    let said = said.trim().trim_end_matches('.');
    if let Some((count, unit)) = said.split_once(' ')
        && let Ok(count) = count.parse::<u64>()
    {
        let seconds = match unit.trim_end_matches('s') {
            "second" | "sec" => 1,
            "minute" | "min" => 60,
            "hour" => 3600,
            "day" => 86_400,
            _ => return None,
        };
        return Some(Duration::from_secs(count.saturating_mul(seconds)));
    }
    let date = said.strip_suffix("UTC").map(|date| format!("{date}+0000"));
    let at = jiff::fmt::rfc2822::DateTimeParser::new()
        .parse_timestamp(date.as_deref().unwrap_or(said))
        .ok()?;
    Some(clock::until(now, at))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_read_from_texts() {
        let now = Timestamp::constant(1_640_032_341, 0);
        for (said, seconds) in [
            ("try again after Mon, 20 Dec 2021 20:33:21 UTC", Some(60)),
            ("try again after Mon, 20 Dec 2021 20:33:21 GMT.", Some(60)),
            ("try again after Mon, 20 Dec 2021 20:33:21 +0000", Some(60)),
            ("try again after Mon, 20 Dec 2021 20:00:00 UTC", Some(0)),
            ("limit exceeded, try again after 120 seconds", Some(120)),
            ("try again after 1 second", Some(1)),
            ("try again after 5 minutes", Some(300)),
            ("try again after 2 hours", Some(7200)),
            ("try again after 99999999999999999999 hours", None),
            ("try again after 18446744073709551615 days", Some(u64::MAX)),
            ("try again after a while", None),
            ("try again later", None),
            ("", None),
        ] {
            let wait = seconds.map(Duration::from_secs);
            assert_eq!(wait_in(said, now), wait, "{said}");
        }
    }

    #[test]
    fn ids_have_no_brackets() {
        for id in ["<a@b.test>", "a@b.test", " <a@b.test> "] {
            assert_eq!(message_id(id), "a@b.test");
        }
    }

    #[test]
    fn texts() {
        for (body, expected) in [
            (r#"{"message": "no"}"#, "no"),
            (r#"{"Reason": "no"}"#, "no"),
            (r#""Forbidden""#, "Forbidden"),
            ("Forbidden", ""),
            (r#"{"message": 7}"#, ""),
            ("", ""),
        ] {
            assert_eq!(text(body.as_bytes()), expected, "{body}");
        }
    }
}
