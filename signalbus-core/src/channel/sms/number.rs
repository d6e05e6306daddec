use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};

use super::{
    digits::{self, Digits},
    numbering::{self, Problem},
};
use crate::channel::{Address, AddressError};

/// A telephone number, kept as ITU-T E.164 writes it: `+` and digits.
///
/// It is read in international form, as people write it: `+44 (0)20 7946-0123` is
/// `+442079460123`: what is dialled at home and stands in brackets is left out. Whether it exists is not asked, only whether a number of its country can have
/// this many digits. Extensions are refused; letters stand for digits in `+1` numbers only.
///
/// ```
/// use signalbus::channel::{Address, sms::PhoneNumber};
///
/// assert_eq!(PhoneNumber::parse("+44 7700 900123")?.as_str(), "+447700900123");
/// assert!(PhoneNumber::parse("07700 900123").is_err());
/// # Ok::<_, signalbus::channel::AddressError>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PhoneNumber(String);

impl Address for PhoneNumber {
    fn parse(text: &str) -> Result<Self, AddressError> {
        let Digits {
            mut digits,
            letters,
            bracketed,
        } = digits::read(text)?;
        if letters && !digits.starts_with('1') {
            return Err(AddressError::new(
                "the number has letters; they stand for digits in +1 numbers only",
            ));
        }
        if let Some(bracketed) = bracketed
            && let Some(without) = numbering::without_prefix(&digits, bracketed)
        {
            digits = without;
        }
        numbering::normal_form(&digits)
            .map(Self)
            .map_err(|problem| {
                AddressError::new(match problem {
                    Problem::Country => "the number begins with no country code that is in use",
                    Problem::Length => "the number has too few or too many digits for its country",
                })
            })
    }

    fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for PhoneNumber {
    /// Shows no digit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PhoneNumber(…)")
    }
}

impl FromStr for PhoneNumber {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text)
    }
}

impl TryFrom<String> for PhoneNumber {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, AddressError> {
        Self::parse(&text)
    }
}

impl From<PhoneNumber> for String {
    fn from(number: PhoneNumber) -> Self {
        number.0
    }
}
