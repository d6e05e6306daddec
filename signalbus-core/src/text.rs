//! Text from outside: what is not taken, and how it is made fit for logs and histories.

/// Characters that switch the direction of text: they make a name or an address look like another
/// one (Unicode Technical Report 36 section 2.5).
#[must_use]
pub const fn is_direction_switch(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// The switches among them that work beyond their end, or change what has a direction of its own.
/// The others are isolates, with which a right-to-left text quotes a name (Unicode Standard Annex 9
/// section 2.4.2).
#[must_use]
pub const fn is_direction_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}')
}

/// Controls (C0, DEL, C1) and the two characters that programs take for a line break.
#[must_use]
pub fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Characters that are never seen: they make two addresses look the same. These are the code points
/// with the property `Default_Ignorable_Code_Point` of Unicode 17 (`DerivedCoreProperties.txt`).
#[must_use]
pub const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

/// What keeps a text from being one line for people, such as a subject: line breaks and other
/// controls, and switches of direction other than isolates. Says what to do.
#[must_use]
pub fn line_problem(text: &str) -> Option<&'static str> {
    if text.contains(is_control) {
        Some("has a line break or another control character; it must be one line of plain text")
    } else if text.contains(is_direction_override) {
        Some(
            "has a character that switches the direction of text (U+202A to U+202E); leave it out, \
             or use isolates (U+2066 to U+2069)",
        )
    } else {
        None
    }
}

/// What keeps a text from being a name of a person or a file: the same, and isolates too. Says what
/// to do.
#[must_use]
pub fn name_problem(text: &str) -> Option<&'static str> {
    if text.contains(is_direction_switch) {
        Some(
            "has a character that switches the direction of text (U+202A to U+202E, U+2066 to \
             U+2069); leave it out",
        )
    } else {
        line_problem(text)
    }
}

/// One line without control characters, of at most `longest` bytes and a mark that it was cut.
#[must_use]
pub fn one_line(mut text: String, longest: usize) -> String {
    if text.contains(char::is_control) {
        text = text.replace(char::is_control, " ");
    }
    if text.len() > longest {
        let mut end = longest;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push('…');
    }
    text
}

/// What a `serde` error says without the value it says it about: that may be content.
#[must_use]
pub fn without_value(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let kinds = [
        "invalid type",
        "invalid value",
        "unknown variant",
        "unknown field",
    ];
    for kind in kinds {
        if let Some(start) = text.find(kind) {
            let end = text.rfind(", expected ").unwrap_or(text.len());
            return format!("{}{kind}{}", &text[..start], &text[end..]);
        }
    }
    text
}

/// Undoes percent-encoding (RFC 3986 section 2.1); none when it is broken, not UTF-8, or hides a
/// NUL.
#[must_use]
pub fn percent_decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => hex(rest.next()?)? * 16 + hex(rest.next()?)?,
            byte => byte,
        });
    }
    String::from_utf8(bytes)
        .ok()
        .filter(|text| !text.contains('\0'))
}

const fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, from_value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    enum Either {
        One,
        Two,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nothing {}

    #[test]
    fn text_from_outside_is_one_short_line() {
        assert_eq!(one_line("a\r\nb\0c".to_owned(), 10), "a  b c");
        assert_eq!(one_line("aäöü".to_owned(), 4), "aä…");
        assert_eq!(one_line("fits".to_owned(), 4), "fits");
    }

    #[test]
    fn an_error_does_not_repeat_the_value() {
        let said = |error: serde_json::Error| without_value(&error);
        let error = from_value::<u8>(json!("secret, expected by nobody")).unwrap_err();
        assert_eq!(said(error), "invalid type, expected u8");
        let error = from_value::<u8>(json!(4711)).unwrap_err();
        assert_eq!(said(error), "invalid value, expected u8");
        let error = from_value::<Either>(json!("secret")).unwrap_err();
        assert_eq!(said(error), "unknown variant, expected `One` or `Two`");
        let error = from_value::<Nothing>(json!({ "secret": 1 })).unwrap_err();
        assert_eq!(said(error), "unknown field");
        let error = serde_json::from_str::<Value>("{").unwrap_err();
        assert_eq!(
            said(error),
            "EOF while parsing an object at line 1 column 1"
        );
    }
}
