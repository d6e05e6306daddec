//! Text from outside, made fit for logs and histories.

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
