use std::fmt;

/// One line of text on a terminal: what would command it, or is not seen, is spelled out.
pub(crate) struct Visible<'a>(pub(crate) &'a str);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.contains(is_hidden) {
            return f.pad(self.0);
        }
        let mut spelled = String::with_capacity(self.0.len() + 8);
        for c in self.0.chars() {
            if is_hidden(c) {
                spelled.extend(c.escape_default());
            } else {
                spelled.push(c);
            }
        }
        f.pad(&spelled)
    }
}

/// Controls, line breaks, switches of direction (Unicode Technical Report 36 section 2.5), spaces
/// without width, and tags. Joiners and variation selectors stay: emoji and many scripts need
/// them.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}'
                | '\u{61c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_commands_a_terminal_is_spelled_out() {
        for (text, shown) in [
            ("plain Ünïcödé 🦀", "plain Ünïcödé 🦀"),
            ("\u{1b}[2J\u{7}", "\\u{1b}[2J\\u{7}"),
            ("a\tb\r\nc", "a\\tb\\r\\nc"),
            ("\u{9b}31m\u{7f}\0", "\\u{9b}31m\\u{7f}\\u{0}"),
            ("invoice\u{202e}fdp.exe", "invoice\\u{202e}fdp.exe"),
            ("a\u{2028}b\u{feff}", "a\\u{2028}b\\u{feff}"),
            ("\u{e0041}", "\\u{e0041}"),
            ("👩\u{200d}💻 हिन्दी e\u{301}", "👩\u{200d}💻 हिन्दी e\u{301}"),
        ] {
            assert_eq!(Visible(text).to_string(), shown, "{text:?}");
        }
    }

    #[test]
    fn a_short_name_is_padded() {
        assert_eq!(format!("{:5}|", Visible("ab")), "ab   |");
    }
}
