//! The one file that knows libphonenumber's metadata.

use std::ops::Range;

use phonenumber::{Metadata, Type, metadata::DATABASE};

/// The most digits of a number, country code included (ITU-T E.164 section 6.1).
const MAX_DIGITS: usize = 15;

/// Why digits are not a number.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Problem {
    /// No country has this code.
    Country,
    /// No number of the country has so many digits.
    Length,
}

/// The normal form (`+` and digits) of the digits after a plus.
///
/// The gate is *possible* (a length that the country uses), not *valid* (a range that was assigned
/// when the metadata was made): old metadata must not refuse new numbers.
///
/// Digits that are possible as they are stay so. Only when they are not, or begin with a zero, may
/// the metadata's rules take off what belongs to dialling at home, as in `+44 (0)20`: they take
/// off other digits too, which would send to somebody else.
pub(super) fn normal_form(digits: &str) -> Result<String, Problem> {
    if settled(digits).ok_or(Problem::Country)? {
        return Ok(format!("+{digits}"));
    }
    let number = stripped(digits).ok_or(Problem::Length)?;
    // A stored number is read again, and must stay what it is.
    let rest = &number[1..];
    if settled(rest) == Some(true) || stripped(rest).as_ref() == Some(&number) {
        Ok(number)
    } else {
        Err(Problem::Length)
    }
}

/// The digits without those in brackets, when these are what is dialled at home before any number, as the zero in
/// `+44 (0)20`: in brackets it may be left out by its writing, whatever follows. None when they are something
/// else, such as an area code, or when nothing possible is left.
pub(super) fn without_prefix(digits: &str, bracketed: Range<usize>) -> Option<String> {
    let (code, national) = split(digits)?;
    let is_first = bracketed.start + national.len() == digits.len();
    let prefix = digits.get(bracketed.clone())?;
    if !is_first || prefix.is_empty() || main_country(code)?.national_prefix() != Some(prefix) {
        return None;
    }
    let without = format!("{}{}", &digits[..bracketed.start], &digits[bracketed.end..]);
    settled(&without)?.then_some(without)
}

/// Whether digits need no rules applied to them; none when they begin with no country code.
fn settled(digits: &str) -> Option<bool> {
    let (code, national) = split(digits)?;
    Some(!national.starts_with('0') && is_possible(code, national))
}

/// What is left, if it is possible, when the metadata's rules were applied.
fn stripped(digits: &str) -> Option<String> {
    let number = phonenumber::parse(None, format!("+{digits}")).ok()?;
    let code = number.code().value();
    let national = number.national().to_string();
    is_possible(code, &national).then(|| format!("+{code}{national}"))
}

/// The country code, and the rest.
fn split(digits: &str) -> Option<(u16, &str)> {
    if digits.starts_with('0') {
        return None;
    }
    (1..=3).find_map(|length| {
        let (code, national) = digits.split_at_checked(length)?;
        let code = code.parse().ok()?;
        DATABASE
            .by_code(&code)
            .is_some()
            .then_some((code, national))
    })
}

fn is_possible(code: u16, national: &str) -> bool {
    let Ok(length) = u16::try_from(national.len()) else {
        return false;
    };
    code.to_string().len() + national.len() <= MAX_DIGITS
        && main_country(code).is_some_and(|country| has_length(country, length))
}

/// Of the countries that share a code, the one that stands for all of them, as in libphonenumber.
fn main_country(code: u16) -> Option<&'static Metadata> {
    let countries = DATABASE.by_code(&code)?;
    let main = countries
        .iter()
        .find(|country| country.is_main_country_for_code());
    main.or(countries.first()).copied()
}

/// The types of number that can be dialled from abroad. The general description has no lengths of
/// its own in this metadata: it is the sum of these.
const TYPES: [Type; 10] = [
    Type::FixedLine,
    Type::Mobile,
    Type::TollFree,
    Type::PremiumRate,
    Type::SharedCost,
    Type::PersonalNumber,
    Type::Voip,
    Type::Pager,
    Type::Uan,
    Type::Voicemail,
];

fn has_length(country: &Metadata, length: u16) -> bool {
    TYPES
        .iter()
        .filter_map(|kind| country.descriptors().get(*kind))
        .any(|numbers| numbers.possible_length().contains(&length))
}
