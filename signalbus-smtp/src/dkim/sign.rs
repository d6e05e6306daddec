use base64::{Engine, prelude::BASE64_STANDARD};
use ring::digest::{SHA256, digest};

use super::{DkimError, DkimKey, canonical};
use crate::mail::fields;

/// What is signed, whether it is there or not, and once more than it is there: nobody can add a
/// second one (RFC 6376 sections 5.4 and 8.15). `List-Unsubscribe` and its `Post` have to be among
/// them (RFC 8058 section 3.1).
const SIGNED: [&str; 16] = [
    "From",
    "Sender",
    "Reply-To",
    "To",
    "Cc",
    "Subject",
    "Date",
    "Message-ID",
    "In-Reply-To",
    "References",
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "List-Id",
    "List-Unsubscribe",
    "List-Unsubscribe-Post",
];

/// The `DKIM-Signature` headers of a mail, one for each key, with their line ends.
pub(super) fn signatures(keys: &[&DkimKey], mail: &[u8], at: i64) -> Result<String, DkimError> {
    let (head, body) = split(mail);
    let fields = fields(head);
    let body_hash = BASE64_STANDARD.encode(digest(&SHA256, &canonical::body(body)));
    let (names, signed) = signed(&fields);
    let mut headers = String::new();
    for key in keys {
        let unsigned = format!(
            "v=1; a={}; c=relaxed/relaxed; d={};\r\n\ts={}; t={at};\r\n\th={names};\r\n\tbh={};\r\n\tb=",
            key.algorithm(),
            key.domain,
            key.selector,
            folded(&body_hash),
        );
        let mut text = signed.clone();
        canonical::header("DKIM-Signature", &unsigned, &mut text);
        let signature = BASE64_STANDARD.encode(key.sign(&text)?);
        headers.push_str("DKIM-Signature: ");
        headers.push_str(&unsigned);
        headers.push_str(&folded(&signature));
        headers.push_str("\r\n");
    }
    Ok(headers)
}

/// The headers, and what follows the empty line.
fn split(mail: &[u8]) -> (&[u8], &[u8]) {
    let end = mail.windows(4).position(|bytes| bytes == b"\r\n\r\n");
    match end {
        Some(end) => (&mail[..end + 2], &mail[end + 4..]),
        None => (mail, &[]),
    }
}

/// The value of `h=`, folded, and what it stands for. Several of one name go from the last to the
/// first (section 5.4.2); one more than there are stands for none.
fn signed(fields: &[(String, String)]) -> (String, Vec<u8>) {
    let (mut names, mut text) = (Vec::new(), Vec::new());
    // Headers of our own, such as `X-Entity-Ref-ID`, may be changed on the way: they stay out.
    for name in SIGNED {
        let same = |field: &&(String, String)| field.0.trim_end().eq_ignore_ascii_case(name);
        for (name, value) in fields.iter().rev().filter(same) {
            names.push(name.trim_end().to_ascii_lowercase());
            canonical::header(name, value, &mut text);
            text.extend_from_slice(b"\r\n");
        }
        names.push(name.to_ascii_lowercase());
    }
    let mut folded = String::new();
    let mut column = "\th=".len();
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            folded.push(':');
        }
        if column + name.len() + 1 > LINE {
            folded.push_str("\r\n\t ");
            column = 2;
        }
        folded.push_str(name);
        column += name.len() + 1;
    }
    (folded, text)
}

/// As long as lines of a signature get.
const LINE: usize = 76;

/// Base64 over lines.
fn folded(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 20);
    for (index, c) in text.chars().enumerate() {
        if index > 0 && index % 70 == 0 {
            out.push_str("\r\n\t ");
        }
        out.push(c);
    }
    out
}
