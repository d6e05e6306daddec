//! What a mail server answers.

use signalbus_smtp::fuzzing::{filtered, shown};

/// Takes any bytes for what a server sent.
pub fn target(data: &[u8]) {
    let whole = filtered(data, 0);
    for cut in [1, 2, 3, data.len() / 2] {
        assert_eq!(filtered(data, cut), whole, "it matters where it is cut");
    }
    for line in whole.split_inclusive(|byte| *byte == b'\n') {
        assert!(line.len() <= 902, "a line lettre does not take");
        let text = line.strip_suffix(b"\r\n").unwrap_or(line);
        assert!(
            text.iter().all(|byte| matches!(byte, b' '..=b'~')),
            "a byte lettre does not take"
        );
    }
    let text = String::from_utf8(whole).expect("ASCII");
    if let Some(shown) = shown(&text) {
        let plain = |byte: u8| byte.is_ascii_digit() || byte == b'.' || byte == b' ';
        assert!(
            shown.len() <= 15 && shown.bytes().all(plain),
            "more than codes is shown"
        );
    }
}
