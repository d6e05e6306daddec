//! The parts of a report (RFC 2045, RFC 2046), as far as reports need them: anybody can send one, so
//! it is read without recursion, in linear time, and a broken one is read as far as it goes.

use std::borrow::Cow;

use base64::{Engine, engine::general_purpose::GeneralPurpose, prelude::BASE64_STANDARD};

use crate::mail::{fields, find};

/// Parts that are looked at: reports have three, and what they are about is not taken apart.
const MOST: usize = 50;
/// How deep they may lie: in a real report, one level.
const DEEPEST: u32 = 4;

/// A part that has no parts.
#[derive(Debug)]
pub(super) struct Part<'a> {
    /// Type and subtype in lower case, such as `message/delivery-status`.
    pub(super) kind: String,
    /// What is in it, decoded.
    pub(super) content: Cow<'a, [u8]>,
}

/// The parts of a mail, in their order.
pub(super) fn parts(mail: &[u8]) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    // Those still to be taken apart; the next one is the last.
    let mut left = vec![(mail, 0)];
    while let Some((part, depth)) = left.pop() {
        let (head, body) = split(part);
        let fields = fields(head);
        let content_type = find(&fields, "Content-Type").unwrap_or_default();
        let kind = content_type
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        match boundary(&content_type) {
            Some(boundary) if kind.starts_with("multipart/") && depth < DEEPEST => {
                let inner = between(body, boundary);
                left.extend(inner.into_iter().rev().map(|part| (part, depth + 1)));
            }
            _ => {
                let encoding = find(&fields, "Content-Transfer-Encoding").unwrap_or_default();
                let content = decoded(body, &encoding.to_ascii_lowercase());
                parts.push(Part { kind, content });
            }
        }
        if parts.len() + left.len() > MOST {
            break;
        }
    }
    parts
}

/// Header section and body.
pub(super) fn split(part: &[u8]) -> (&[u8], &[u8]) {
    let mut start = 0;
    for line in part.split_inclusive(|byte| *byte == b'\n') {
        if matches!(line, b"\r\n" | b"\n") {
            return (&part[..start], &part[start + line.len()..]);
        }
        start += line.len();
    }
    (part, &[])
}

/// The parameter `boundary`, quoted or not.
fn boundary(content_type: &str) -> Option<&str> {
    let at = content_type.to_ascii_lowercase().find("boundary=")?;
    let value = content_type.get(at + "boundary=".len()..)?;
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.split('"').next()?,
        None => value.split([';', ' ']).next()?,
    };
    (!value.is_empty()).then_some(value)
}

/// What stands between lines of `--boundary`, up to one of `--boundary--` or the end.
fn between<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let (mut parts, mut begun, mut at) = (Vec::new(), None, 0);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let mark = line
            .strip_prefix(b"--")
            .and_then(|rest| rest.strip_prefix(boundary.as_bytes()))
            .map(<[u8]>::trim_ascii_end);
        if matches!(mark, Some(b"" | b"--")) {
            if let Some(from) = begun.take() {
                parts.push(&body[from..at]);
            }
            if mark == Some(b"--") || parts.len() > MOST {
                return parts;
            }
            begun = Some(at + line.len());
        }
        at += line.len();
    }
    if let Some(from) = begun {
        parts.push(&body[from..]);
    }
    parts
}

fn decoded<'a>(body: &'a [u8], encoding: &str) -> Cow<'a, [u8]> {
    const LENIENT: GeneralPurpose = BASE64_STANDARD;
    match encoding {
        "base64" => {
            let text: Vec<u8> = body
                .iter()
                .copied()
                .filter(|byte| !byte.is_ascii_whitespace())
                .collect();
            LENIENT.decode(text).map_or(Cow::Borrowed(body), Cow::Owned)
        }
        "quoted-printable" => Cow::Owned(quoted_printable(body)),
        _ => Cow::Borrowed(body),
    }
}

/// RFC 2045 section 6.7; what is no escape stays as it is.
fn quoted_printable(body: &[u8]) -> Vec<u8> {
    let hex = |byte: u8| {
        char::from(byte)
            .to_digit(16)
            .and_then(|digit| u8::try_from(digit).ok())
    };
    let (mut out, mut rest) = (Vec::with_capacity(body.len()), body);
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after) {
            (b'=', [b'\r', b'\n', more @ ..] | [b'\n', more @ ..]) => rest = more,
            (b'=', [high, low, more @ ..]) => match (hex(*high), hex(*low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = more;
                }
                _ => out.push(byte),
            },
            _ => out.push(byte),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(mail: &str) -> Vec<(String, String)> {
        let parts = parts(mail.as_bytes()).into_iter();
        parts
            .map(|part| {
                (
                    part.kind,
                    String::from_utf8_lossy(&part.content).into_owned(),
                )
            })
            .collect()
    }

    #[test]
    fn parts_are_found_however_deep_and_decoded() {
        let mail = "Content-Type: multipart/report; boundary=\"a b\"\n\npreamble\n--a b\n\
                    Content-Type: multipart/alternative; boundary=c\n\n--c\n\none\n--c--\n--a b\n\
                    Content-Type: MESSAGE/Delivery-Status\nContent-Transfer-Encoding: base64\n\n\
                    dHdv\n--a b\nContent-Transfer-Encoding: quoted-printable\n\nthr=65=\ne=zz\n\
                    --a b--\nepilogue\n--a b\n\nnot read\n";
        let read = read(mail);
        let expected = [
            ("", "one\n"),
            ("message/delivery-status", "two"),
            ("", "three=zz\n"),
        ]
        .map(|(kind, content)| (kind.to_owned(), content.to_owned()));
        assert_eq!(read, expected);
    }

    #[test]
    fn a_broken_mail_is_read_as_far_as_it_goes() {
        assert_eq!(read("").len(), 1);
        let open = "Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\n\r\nleft open";
        assert_eq!(read(open), [(String::new(), "left open".to_owned())]);
        let no_boundary = "Content-Type: multipart/report\n\nbody";
        assert_eq!(read(no_boundary)[0].1, "body");
        let many =
            "Content-Type: multipart/x; boundary=x\n\n".to_owned() + &"--x\n\n".repeat(100_000);
        assert!(read(&many).len() <= MOST + 1);
        let deep = "Content-Type: multipart/x; boundary=x\n\n--x\n".repeat(10_000);
        assert!(read(&deep).len() <= MOST + 1);
    }
}
