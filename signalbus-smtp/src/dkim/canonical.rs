//! The relaxed forms of RFC 6376 section 3.4. One pass, no recursion: a header of any length is
//! fine.

/// `name:value` with a lower-case name, folds undone and white space made one space, without a line
/// end (section 3.4.2).
pub(super) fn header(name: &str, value: &str, out: &mut Vec<u8>) {
    out.extend(
        name.trim_end()
            .bytes()
            .map(|byte| byte.to_ascii_lowercase()),
    );
    out.push(b':');
    words(value.as_bytes(), out);
}

/// Words with one space between them.
fn words(text: &[u8], out: &mut Vec<u8>) {
    let blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
    let words = text.split(blank).filter(|word| !word.is_empty());
    for (index, word) in words.enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// The body: white space within lines made one space, none at their ends, no empty lines at the
/// end (section 3.4.4). An empty body stays empty.
pub(super) fn body(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len() + 2);
    let mut end = 0;
    for line in body.split(|byte| *byte == b'\n') {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let mut blank = false;
        for &byte in line {
            if matches!(byte, b' ' | b'\t') {
                blank = true;
                continue;
            }
            if std::mem::take(&mut blank) {
                out.push(b' ');
            }
            out.push(byte);
        }
        if out.len() > end && out.last() != Some(&b'\n') {
            out.extend_from_slice(b"\r\n");
            end = out.len();
        } else {
            out.extend_from_slice(b"\r\n");
        }
    }
    out.truncate(end);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        for (name, value, expected) in [
            ("A", " X", "a:X"),
            ("B ", " Y\t\r\n\tZ  ", "b:Y Z"),
            ("Subject", "", "subject:"),
            ("X", " a\r\n b\r\n c ", "x:a b c"),
        ] {
            let mut out = Vec::new();
            header(name, value, &mut out);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn bodies() {
        for (text, expected) in [
            ("", ""),
            ("\r\n\r\n", ""),
            (" \r\n\t\r\n", ""),
            (" C \r\nD \t E\r\n\r\n\r\n", " C\r\nD E\r\n"),
            ("no end", "no end\r\n"),
            ("\r\n\r\na\r\n\r\nb\r\n\r\n", "\r\n\r\na\r\n\r\nb\r\n"),
        ] {
            assert_eq!(String::from_utf8(body(text.as_bytes())).unwrap(), expected);
        }
    }

    #[test]
    fn a_header_of_any_length_is_fine() {
        let (mut out, long) = (Vec::new(), "x ".repeat(1_000_000));
        header("Subject", &long, &mut out);
        assert_eq!(out.len(), "subject:".len() + long.len() - 1);
    }
}
