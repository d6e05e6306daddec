mod address;
mod channel;
mod header;
mod mailbox;
mod options;

/// Texts that must never reach a header, each with a name for failure messages.
const HOSTILE: [(&str, &str); 9] = [
    ("CRLF", "Eve\r\nBcc: victim@example.org"),
    ("CR", "Eve\rx"),
    ("LF", "Eve\nx"),
    ("NUL", "Eve\0x"),
    ("tab", "Eve\tx"),
    ("escape", "Eve\u{1b}[2Jx"),
    ("next line", "Eve\u{85}x"),
    ("line separator", "Eve\u{2028}x"),
    ("paragraph separator", "Eve\u{2029}x"),
];

/// Direction switches.
const SWITCHES: [char; 9] = [
    '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}', '\u{2066}', '\u{2067}', '\u{2068}',
    '\u{2069}',
];

fn address(text: &str) -> super::EmailAddress {
    text.parse().unwrap()
}

fn mailbox(text: &str) -> super::Mailbox {
    text.parse().unwrap()
}
