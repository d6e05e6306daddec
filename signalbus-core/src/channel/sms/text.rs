use crate::channel::ComposeError;

/// The text without white space around it and with plain line ends, or what is wrong with it.
pub(super) fn clean(part: &str, text: &str) -> Result<String, ComposeError> {
    let text = text.trim().replace("\r\n", "\n");
    if text.is_empty() {
        return Err(ComposeError::new(format!("`{part}` is empty")));
    }
    if text.contains(|c: char| c.is_control() && c != '\n') {
        return Err(ComposeError::new(format!(
            "`{part}` has a control character other than a line break, such as NUL or a tab"
        )));
    }
    if text.contains(is_direction_switch) {
        return Err(ComposeError::new(format!(
            "`{part}` has a character that switches the direction of text (U+202A to U+202E, \
             U+2066 to U+2069); it can make a link look like another one"
        )));
    }
    Ok(text)
}

/// See Unicode Technical Report 36 section 2.5.
fn is_direction_switch(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}
