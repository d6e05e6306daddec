use crate::{channel::ComposeError, text::is_direction_switch};

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
