//! Characters that have no place in a header.

/// Characters that switch the direction of text: they make a name or an address look like another
/// one (Unicode Technical Report 36 section 2.5).
pub(super) fn is_direction_switch(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Marks that are never seen: they make two addresses look the same.
pub(super) fn is_invisible(c: char) -> bool {
    is_direction_switch(c)
        || matches!(
            c,
            '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2060}' | '\u{feff}'
        )
}

/// Controls (C0, DEL, C1) and the two characters that programs take for a line break.
pub(super) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}
