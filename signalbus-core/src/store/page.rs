use std::{fmt, str::FromStr};

use super::Position;

/// Which page of a list. As text it is opaque: nothing but letters and digits, to be given back as it
/// was.
///
/// ```
/// use signalbus_core::store::PageToken;
///
/// let text = PageToken::first(50).to_string();
/// assert_eq!(text.parse(), Ok(PageToken::first(50)));
/// assert!("50".parse::<PageToken>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageToken {
    /// Only behind this place.
    pub after: Option<Position>,
    /// At most this many.
    pub limit: u32,
}

impl PageToken {
    /// The first page.
    #[must_use]
    pub const fn first(limit: u32) -> Self {
        Self { after: None, limit }
    }

    /// The number of the format, and what is in it.
    fn bytes(self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[0] = if self.after.is_some() { BEHIND } else { FIRST };
        bytes[1..5].copy_from_slice(&self.limit.to_be_bytes());
        let after = self.after.map_or(0, |Position(after)| after);
        bytes[5..13].copy_from_slice(&after.to_be_bytes());
        let check = check(&bytes[..13]);
        bytes[13..].copy_from_slice(&check.to_be_bytes());
        bytes
    }
}

const LENGTH: usize = 15;
const FIRST: u8 = 0x10;
const BEHIND: u8 = 0x11;

/// Tells a token that was cut or misspelt (FNV-1a, folded). It is no secret: who lists may list all.
fn check(bytes: &[u8]) -> u16 {
    let hash = bytes.iter().fold(0x811c_9dc5, |hash: u32, byte| {
        (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
    });
    u16::try_from((hash >> 16) ^ (hash & 0xffff)).unwrap_or_default()
}

impl fmt::Display for PageToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.bytes()
            .iter()
            .try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for PageToken {
    type Err = PageTokenError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 2 * LENGTH || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(PageTokenError(()));
        }
        let mut bytes = [0; LENGTH];
        for (byte, place) in bytes.iter_mut().zip((0..).step_by(2)) {
            let pair = text.get(place..place + 2).ok_or(PageTokenError(()))?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| PageTokenError(()))?;
        }
        let [_, limit @ .., _, _] = &bytes;
        let (limit, after) = limit.split_at(4);
        let limit = limit.try_into().map_or(0, u32::from_be_bytes);
        let after = after.try_into().map_or(0, i64::from_be_bytes);
        let token = Self {
            after: (bytes[0] == BEHIND).then_some(Position(after)),
            limit,
        };
        // Also refuses a number of the format that is not known, and what is not spelt as written.
        (token.bytes() == bytes && token.to_string() == text)
            .then_some(token)
            .ok_or(PageTokenError(()))
    }
}

/// A text that is no page token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "this is no page token: give back the one that came with the page before, or none to begin"
)]
pub struct PageTokenError(());

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// The next page, if there is one.
    pub next: Option<PageToken>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_the_journey() {
        for after in [None, Some(i64::MIN), Some(0), Some(7), Some(i64::MAX)] {
            for limit in [0, 1, 50, u32::MAX] {
                let token = PageToken {
                    after: after.map(Position),
                    limit,
                };
                assert_eq!(token.to_string().parse(), Ok(token));
            }
        }
    }

    #[test]
    fn whatever_is_changed_in_it_is_noticed() {
        let text = PageToken {
            after: Some(Position(4_711)),
            limit: 50,
        }
        .to_string();
        for place in 0..text.len() {
            for digit in "0123456789abcdefABCDEF-".chars() {
                let mut changed: Vec<char> = text.chars().collect();
                if changed[place] == digit {
                    continue;
                }
                changed[place] = digit;
                let changed: String = changed.into_iter().collect();
                assert!(changed.parse::<PageToken>().is_err(), "{changed}");
            }
        }
        for other in [
            "",
            "1",
            &text[1..],
            &format!("{text}0"),
            "ä".repeat(15).as_str(),
        ] {
            assert!(other.parse::<PageToken>().is_err(), "{other}");
        }
    }
}
