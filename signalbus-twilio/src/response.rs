//! What Twilio's answers mean for a delivery.

use serde::Deserialize;
use signalbus_core::{
    clock::Timestamp,
    provider::{Fault, Outcome, SendError, Sent},
    store::{Cause, Scope},
};
use signalbus_http_client::{Answer, BodyFault, retry_after};

use crate::{Class, Code};

#[derive(Deserialize)]
struct Created {
    sid: String,
}

#[derive(Deserialize, Default)]
struct Refused {
    #[serde(default)]
    code: Option<u32>,
}

/// An opt-out is of the sender that this text was from, and of all when the account sends as that one only
/// (`scope` then is the default).
pub(crate) fn of(answer: &Answer, now: Timestamp, scope: Scope) -> Result<Sent, SendError> {
    let status = answer.status();
    if answer.is_success() {
        return match answer.json::<Created>() {
            Ok(created) => Ok(Sent::with_id(created.sid)),
            // The whole answer came, and it is not Twilio's: something stands in between.
            Err(BodyFault::Malformed) => {
                Err(SendError::unknown("the answer cannot be read").with_code(status.to_string()))
            }
            // The status says that it is created; what broke off is only its name.
            Err(_) => Ok(Sent::new()),
        };
    }
    let number = answer.json::<Refused>().unwrap_or_default().code;
    let known = number.and_then(Code::of);
    let code = number.map_or_else(|| status.to_string(), |number| number.to_string());
    let error = match known {
        Some(code) => refusal(code, scope),
        None => by_status(status),
    };
    let error = error.with_code(code);
    let wait = answer
        .header("retry-after")
        .filter(|_| error.fault() == Fault::Quota)
        .and_then(|value| retry_after(value, now));
    Err(wait.into_iter().fold(error, SendError::with_retry_after))
}

fn refusal(code: Code, scope: Scope) -> SendError {
    let (outcome, fault) = code.class.refusal();
    let error = match outcome {
        Outcome::Permanent => SendError::permanent(fault, code.message),
        Outcome::Retryable => SendError::retryable(fault, code.message),
        Outcome::Unknown => SendError::unknown(code.message),
    };
    match code.class {
        Class::BadRecipient => error.suppressing(Cause::Bounced, Scope::default()),
        Class::OptedOut => error.suppressing(Cause::Unsubscribed, scope),
        _ => error,
    }
}

/// For codes that are not in the table: nothing is concluded from their number.
fn by_status(status: u16) -> SendError {
    match status {
        300..=399 => SendError::permanent(Fault::Configuration, "the base URL leads elsewhere"),
        401 | 403 => SendError::permanent(Fault::Configuration, "the credentials are refused"),
        402 => SendError::permanent(Fault::Configuration, "the account has no credit"),
        404 | 405 => SendError::permanent(
            Fault::Configuration,
            "the account is not known: check SID and region",
        ),
        // Twilio says that it never processes what it answers so (error 20429).
        429 => SendError::retryable(Fault::Quota, "too many requests"),
        400..=499 => SendError::permanent(Fault::Message, "the message is refused"),
        // A POST that failed may have been processed.
        _ => SendError::unknown("Twilio failed"),
    }
}
