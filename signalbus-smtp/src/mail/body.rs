//! Bodies as they go over the wire: always quoted-printable or base64, never as they are.
//!
//! So no relay changes them, no line is longer than 76 characters, and none can hold the `=_` with
//! which boundaries begin (RFC 2045 section 6.7): boundaries need no random part, and the same
//! message gives the same bytes.

use lettre::message::{
    Body,
    header::{ContentTransferEncoding, ContentType},
};
use signalbus_core::event::Attachment;

/// Encodes text with its line breaks as CRLF. Not as lettre does by itself for a `String`: looking for line breaks once
/// more and trying what is not sent took a third of the time of a mail.
pub(crate) fn text(text: &str) -> Option<Body> {
    let text = with_crlf(text.as_bytes());
    let encoding = fitting(&text);
    Body::new_with_encoding(text, encoding).ok()
}

/// Quoted-printable while it can be read: at most a third of the bytes cannot stand for themselves. The same share as
/// lettre's.
fn fitting(text: &[u8]) -> ContentTransferEncoding {
    let plain = |byte: &u8| matches!(byte, b'\t' | b'\r' | b'\n' | b' '..=b'~');
    let escaped = text.iter().filter(|byte| !plain(byte)).count();
    if escaped > text.len() / 3 {
        ContentTransferEncoding::Base64
    } else {
        ContentTransferEncoding::QuotedPrintable
    }
}

/// Encodes the bytes of a file.
pub(crate) fn file(content: &[u8]) -> Option<Body> {
    Body::new_with_encoding(content.to_vec(), ContentTransferEncoding::Base64).ok()
}

/// The media type to declare. A `message/…` or `multipart/…` must not be base64 (RFC 2045 section
/// 6.4), and is sent as plain bytes.
pub(crate) fn media_type(attachment: &Attachment) -> &str {
    let text = attachment.content_type.as_str();
    let lower = text.to_ascii_lowercase();
    let composite = lower.starts_with("message/") || lower.starts_with("multipart/");
    if composite || ContentType::parse(text).is_err() {
        OCTETS
    } else {
        text
    }
}

const OCTETS: &str = "application/octet-stream";

/// Turns each CR, LF and CRLF into CRLF, in one pass: lettre does it too, but in quadratic time.
fn with_crlf(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + text.len() / 32);
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        let (line, end) = rest.split_at(at);
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n");
        rest = end.strip_prefix(b"\r\n").unwrap_or(&end[1..]);
    }
    out.extend_from_slice(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks() {
        for (text, expected) in [
            ("", ""),
            ("a", "a"),
            ("a\nb", "a\r\nb"),
            ("a\r\nb\r\n", "a\r\nb\r\n"),
            ("a\rb", "a\r\nb"),
            ("\n\r\n\r", "\r\n\r\n\r\n"),
            ("ä\n本", "ä\r\n本"),
        ] {
            assert_eq!(with_crlf(text.as_bytes()), expected.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn no_body_goes_out_as_it_is() {
        let long = "x".repeat(5000);
        for sample in [
            "",
            "plain",
            "--=_mixed",
            "Grüße",
            "請求書が届きました。",
            &long,
        ] {
            let body = text(sample).unwrap();
            assert!(
                matches!(
                    body.encoding(),
                    ContentTransferEncoding::QuotedPrintable | ContentTransferEncoding::Base64
                ),
                "{sample}"
            );
            assert!(
                !body.as_ref().windows(2).any(|pair| pair == b"=_"),
                "{sample}"
            );
            let longest = body
                .as_ref()
                .split(|byte| *byte == b'\n')
                .map(<[u8]>::len)
                .max();
            assert!(longest <= Some(77), "{sample}");
        }
    }

    #[test]
    fn what_can_be_read_stays_legible() {
        for (sample, encoding) in [
            ("plain text", ContentTransferEncoding::QuotedPrintable),
            (
                "Viele Grüße aus Wien",
                ContentTransferEncoding::QuotedPrintable,
            ),
            ("請求書が届きました。", ContentTransferEncoding::Base64),
        ] {
            assert_eq!(text(sample).unwrap().encoding(), encoding, "{sample}");
        }
    }

    #[test]
    fn media_types() {
        for (given, sent) in [
            ("application/pdf", "application/pdf"),
            ("text/csv;charset=utf-8", "text/csv;charset=utf-8"),
            ("message/rfc822", OCTETS),
            ("Multipart/mixed;boundary=x", OCTETS),
            ("nonsense", OCTETS),
        ] {
            let attachment = Attachment::new("a", given, &b""[..]);
            assert_eq!(media_type(&attachment), sent);
        }
    }
}
