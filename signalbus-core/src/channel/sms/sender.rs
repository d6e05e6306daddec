use super::PhoneNumber;
use crate::channel::Address;

/// A sender that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the sender must be a name of 1 to 11 letters, digits, spaces or & - _ . + with at least one \
     letter, a number such as +447700900123, or a short code of 3 to 8 digits"
)]
#[non_exhaustive]
pub struct SenderError;

/// The longest name: 11 septets fit into the address field (3GPP TS 23.040 section 9.1.2.5).
const MAX_NAME: usize = 11;

/// Checks a sender; a number comes back in its normal form.
pub(super) fn parse(text: &str) -> Result<String, SenderError> {
    let text = text.trim();
    if text.starts_with('+')
        && let Ok(number) = PhoneNumber::parse(text)
    {
        return Ok(number.as_str().to_owned());
    }
    if is_short_code(text) || is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(SenderError)
    }
}

fn is_short_code(text: &str) -> bool {
    (3..=8).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| {
        byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'&' | b'-' | b'_' | b'.' | b'+')
    };
    (1..=MAX_NAME).contains(&text.len())
        && text.bytes().all(allowed)
        && text.bytes().any(|byte| byte.is_ascii_alphabetic())
}
