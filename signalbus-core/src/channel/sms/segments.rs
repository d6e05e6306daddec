use std::fmt;

use serde::{Deserialize, Serialize};

/// How many segments a text is cut into, and why.
///
/// ```
/// use signalbus::channel::sms::{Encoding, Segments};
///
/// let plain = Segments::of("Your code is 123456");
/// assert_eq!((plain.encoding, plain.count), (Encoding::Gsm7, 1));
/// assert_eq!(Segments::of("Seu código é 123456").encoding, Encoding::Ucs2);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// What the text needs.
    pub encoding: Encoding,
    /// How many segments there are; none for an empty text.
    pub count: u32,
}

/// How a text is encoded on the air.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Encoding {
    /// Seven bits a character, two septets for some: 160 in one message, 153 in each of several.
    Gsm7,
    /// Sixteen bits, two units for some: 70 in one message, 67 in each of several. One character
    /// outside the GSM alphabet is enough to need it.
    Ucs2,
}

impl Encoding {
    /// How many units one message has, and how many each of several, where a header takes the
    /// place of some (3GPP TS 23.040 section 9.2.3.24.1).
    const fn capacity(self) -> (usize, usize) {
        match self {
            Self::Gsm7 => (160, 153),
            Self::Ucs2 => (70, 67),
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        })
    }
}

impl Segments {
    /// Counts as phones do: what takes two units is never split between segments, so that the
    /// count can be higher than a division would say.
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.chars().all(|c| septets(c).is_some()) {
            Self::count(Encoding::Gsm7, text.chars().filter_map(septets))
        } else {
            Self::count(Encoding::Ucs2, text.chars().map(char::len_utf16))
        }
    }

    fn count(encoding: Encoding, units: impl Iterator<Item = usize> + Clone) -> Self {
        let (single, part) = encoding.capacity();
        let total: usize = units.clone().sum();
        if total <= single {
            let count = u32::from(total > 0);
            return Self { encoding, count };
        }
        let (count, _) = units.fold((1, 0), |(count, used), units| {
            if used + units > part {
                (count + 1, units)
            } else {
                (count, used + units)
            }
        });
        Self { encoding, count }
    }
}

/// How many septets a character takes in the GSM 7-bit default alphabet and its extension table
/// (3GPP TS 23.038 sections 6.2.1 and 6.2.1.1); none when it is in neither.
fn septets(c: char) -> Option<usize> {
    match c {
        'A'..='Z' | 'a'..='z' | '0'..='9' => Some(1),
        '\n' | '\r' | ' ' | '!' | '"' | '#' | '$' | '%' | '&' | '\'' | '(' | ')' | '*' | '+'
        | ',' | '-' | '.' | '/' | ':' | ';' | '<' | '=' | '>' | '?' | '@' | '_' => Some(1),
        '£' | '¥' | '¤' | '§' | '¡' | '¿' => Some(1),
        'è' | 'é' | 'ù' | 'ì' | 'ò' | 'à' | 'Ç' | 'É' | 'Ø' | 'ø' | 'Å' | 'å' | 'Æ' | 'æ' | 'ß'
        | 'Ä' | 'Ö' | 'Ñ' | 'Ü' | 'ä' | 'ö' | 'ñ' | 'ü' => Some(1),
        'Δ' | 'Φ' | 'Γ' | 'Λ' | 'Ω' | 'Π' | 'Ψ' | 'Σ' | 'Θ' | 'Ξ' => Some(1),
        '\u{c}' | '^' | '{' | '}' | '\\' | '[' | '~' | ']' | '|' | '€' => Some(2),
        _ => None,
    }
}
