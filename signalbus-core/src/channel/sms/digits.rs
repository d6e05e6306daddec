//! From what people write to digits.

use std::ops::Range;

use crate::channel::AddressError;

/// The digits after the plus, and whether letters stand for some of them.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Digits {
    pub(super) digits: String,
    pub(super) letters: bool,
    /// Those of the first pair of brackets, by their places.
    pub(super) bracketed: Option<Range<usize>>,
}

/// More than any way of writing 15 digits.
const MAX_BYTES: usize = 128;

/// Reads a number that begins with a plus, in the ways people write it: with spaces, hyphens,
/// dots, slashes and brackets, in the digits of their script, with letters for digits.
pub(super) fn read(text: &str) -> Result<Digits, AddressError> {
    if text.len() > MAX_BYTES {
        return Err(AddressError::new("the number is too long"));
    }
    let (before, number) = text
        .split_once(['+', '\u{ff0b}'])
        .ok_or_else(not_international)?;
    if !before.chars().all(is_separator) {
        return Err(not_international());
    }
    let mut read = Digits {
        digits: String::with_capacity(16),
        letters: false,
        bracketed: None,
    };
    let mut opened = None;
    for (at, c) in number.char_indices() {
        if is_extension(&number[at..]) {
            return Err(AddressError::new(
                "the number has an extension; a text message cannot be sent to one",
            ));
        }
        if let Some(digit) = digit(c) {
            read.digits.push(digit);
        } else if let Some(digit) = keypad(c) {
            read.digits.push(digit);
            read.letters = true;
        } else if is_separator(c) {
            if matches!(c, '(' | '[' | '\u{ff08}' | '\u{ff3b}') {
                opened = opened.or(Some(read.digits.len()));
            } else if let (Some(from), None, ')' | ']' | '\u{ff09}' | '\u{ff3d}') =
                (opened, &read.bracketed, c)
            {
                read.bracketed = Some(from..read.digits.len());
            }
        } else {
            return Err(AddressError::new(
                "the number has a character that is no digit, space, hyphen or bracket",
            ));
        }
    }
    Ok(read)
}

fn not_international() -> AddressError {
    AddressError::new(
        "the number must be in international form: a plus, the country code and the number, as in \
         +44 7700 900123",
    )
}

/// Whether an extension begins here: `;ext=`, `ext.`, `#` or `,`, or an `x` with only digits
/// behind it.
fn is_extension(rest: &str) -> bool {
    let marked = |mark: &str| {
        rest.get(..mark.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(mark))
    };
    let x_and_digits = || {
        let behind = rest.strip_prefix(['x', 'X'])?;
        Some(
            behind.contains(|c| digit(c).is_some())
                && behind
                    .chars()
                    .all(|c| digit(c).is_some() || is_separator(c)),
        )
    };
    rest.starts_with([';', ',', '#']) || marked("ext") || x_and_digits().unwrap_or(false)
}

/// The zeros of the scripts whose digits keyboards and phones write; nine digits follow each.
const ZEROS: [char; 15] = [
    '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}',
    '\u{be6}', '\u{c66}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{ff10}',
];

fn digit(c: char) -> Option<char> {
    ZEROS.iter().find_map(|zero| {
        let value = u32::from(c).checked_sub(u32::from(*zero))?;
        char::from_digit(value, 10)
    })
}

/// The key that a letter is on (ITU-T E.161).
fn keypad(c: char) -> Option<char> {
    Some(match c.to_ascii_uppercase() {
        'A'..='C' => '2',
        'D'..='F' => '3',
        'G'..='I' => '4',
        'J'..='L' => '5',
        'M'..='O' => '6',
        'P'..='S' => '7',
        'T'..='V' => '8',
        'W'..='Z' => '9',
        _ => return None,
    })
}

/// What people and address books put between digits, marks of direction included.
fn is_separator(c: char) -> bool {
    matches!(c,
        ' ' | '-' | '.' | '/' | '(' | ')' | '[' | ']' | '~'
        | '\u{a0}' | '\u{ad}'
        | '\u{2000}'..='\u{2015}' | '\u{202a}'..='\u{202f}' | '\u{2060}' | '\u{2066}'..='\u{2069}'
        | '\u{2212}' | '\u{3000}' | '\u{30fc}' | '\u{feff}'
        | '\u{ff08}' | '\u{ff09}' | '\u{ff0d}'..='\u{ff0f}' | '\u{ff3b}' | '\u{ff3d}')
}
