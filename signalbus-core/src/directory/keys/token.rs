use std::fmt;

use crate::entropy::Entropy;

const PREFIX: &str = "sbk_";
/// Digits of the public part: 64 bits.
const ID: usize = 16;
/// Digits of the secret part: 256 bits.
const SECRET: usize = 64;
/// Digits of the check sum.
const SUM: usize = 8;

/// A key as its holder has it: `sbk_<id>_<secret><sum>`, all hexadecimal. A scanner for leaked secrets
/// knows it by its first letters, and by the sum whether it is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    text: String,
}

/// It is no key: a letter is wrong or missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no key: it was not copied whole, or is of something else")]
#[non_exhaustive]
pub struct TokenError;

impl Token {
    /// Makes a key with 256 random bits.
    #[must_use]
    pub fn generate(entropy: &Entropy) -> Self {
        let mut random = [0; (ID + SECRET) / 2];
        entropy.fill(&mut random);
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let (id, secret) = digits.split_at(ID);
        let mut text = format!("{PREFIX}{id}_{secret}");
        let sum = crc32(text.as_bytes());
        text.push_str(&format!("{sum:08x}"));
        Self { text }
    }

    /// Reads a key that somebody came with. Its sum is checked, so that a slip of the pen asks no
    /// directory.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let digits = |text: &str, count: usize| {
            text.len() == count
                && text
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        };
        let (id, rest) = text
            .strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('_'))
            .ok_or(TokenError)?;
        if !digits(id, ID) || !digits(rest, SECRET + SUM) {
            return Err(TokenError);
        }
        let (body, sum) = text.split_at(text.len() - SUM);
        if format!("{:08x}", crc32(body.as_bytes())) != sum {
            return Err(TokenError);
        }
        Ok(Self {
            text: text.to_owned(),
        })
    }

    /// The public part: what it is found by, and what logs and lists may show.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.text[PREFIX.len()..PREFIX.len() + ID]
    }

    /// The key itself, to be shown once.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for Token {
    /// Shows the public part only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}…)", self.id())
    }
}

/// CRC-32 as in ISO 3309, with the polynomial reversed.
fn crc32(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            let carry = sum & 1;
            sum >>= 1;
            if carry == 1 {
                sum ^= 0xedb8_8320;
            }
        }
    }
    !sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_is_the_one_of_the_standard() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_key_is_read_whole_or_not_at_all() {
        let key = Token::generate(&Entropy::from_seed(7));
        assert_eq!(Token::parse(key.expose()), Ok(key.clone()));
        let text = key.expose();
        for place in 0..text.len() {
            let mut wrong = text.to_owned().into_bytes();
            wrong[place] = if wrong[place] == b'0' { b'1' } else { b'0' };
            let wrong = String::from_utf8(wrong).unwrap();
            assert_eq!(Token::parse(&wrong), Err(TokenError), "{place}");
            assert_eq!(Token::parse(&text[..place]), Err(TokenError));
        }
        for other in [
            "",
            "sbk_",
            "sbk__",
            "Bearer x",
            "sbk_ä_ö",
            &text.to_uppercase(),
        ] {
            assert_eq!(Token::parse(other), Err(TokenError));
        }
    }

    #[test]
    fn nothing_prints_a_key() {
        let key = Token::generate(&Entropy::from_seed(7));
        let shown = format!("{key:?}");
        assert!(shown.contains(key.id()));
        assert!(!shown.contains(&key.expose()[PREFIX.len() + ID + 1..PREFIX.len() + ID + 9]));
    }
}
