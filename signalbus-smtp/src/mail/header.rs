//! Headers as they go over the wire. Lines stay under the 998 characters of RFC 5322 section
//! 2.1.1, which lettre's own headers do not see to for long lists and long words.

use std::fmt::{self, Write};

use email_encoding::headers::{rfc2047, writer::EmailWriter};
use lettre::message::header::{HeaderName, HeaderValue};
use signalbus_core::channel::email::Mailbox;

/// Words longer than this are encoded, because a header folds only between words.
const LONG_WORD: usize = 70;

/// As long as a line with an encoded word may be (RFC 2047 section 2).
const LINE: usize = 76;

/// More than one space: some readers take any white space at a fold for one.
const SPACES: &str = "  ";

/// A header of free text, such as `Subject`: ASCII as it is, all else as encoded words (RFC 2047).
pub(crate) fn text(name: HeaderName, value: &str) -> Result<HeaderValue, fmt::Error> {
    if is_plain(value) && value.split(' ').all(|word| word.len() <= LONG_WORD) {
        return Ok(HeaderValue::new(name, value.to_owned()));
    }
    encoded(name, |writer| rfc2047::encode(value, writer))
}

/// A header whose value may have a grammar: ASCII as it is, all else as encoded words.
pub(crate) fn verbatim(name: HeaderName, value: &str) -> Result<HeaderValue, fmt::Error> {
    if value.is_ascii() {
        return Ok(HeaderValue::new(name, value.to_owned()));
    }
    encoded(name, |writer| rfc2047::encode(value, writer))
}

/// A header of addresses, each on a line of its own.
pub(crate) fn mailboxes<'a>(
    name: HeaderName,
    mailboxes: impl IntoIterator<Item = &'a Mailbox>,
) -> Result<HeaderValue, fmt::Error> {
    encoded(name, |writer| {
        for (index, mailbox) in mailboxes.into_iter().enumerate() {
            if index > 0 {
                writer.write_char(',')?;
                writer.new_line()?;
                writer.space();
            }
            let address = mailbox.address().spelled();
            match mailbox.name() {
                None => writer.write_str(address)?,
                Some(name) => {
                    phrase(name, writer)?;
                    // A line with an encoded word has at most 76 characters (RFC 2047 section 2):
                    // a space, the brackets, and a comma.
                    if writer.line_len() + address.len() + 4 > LINE {
                        writer.new_line()?;
                    }
                    writer.space();
                    write!(writer, "<{address}>")?;
                }
            }
        }
        Ok(())
    })
}

/// A `phrase` of RFC 5322 section 3.2.5: an atom as it is, other ASCII quoted, all else as encoded
/// words. A dot is no part of an atom.
fn phrase(name: &str, writer: &mut EmailWriter<'_>) -> fmt::Result {
    let atom = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte);
    let readable = is_plain(name) && name.split(' ').all(|word| word.len() <= LONG_WORD);
    if !readable {
        return rfc2047::encode(name, writer);
    }
    if name.bytes().all(atom) {
        return writer.write_str(name);
    }
    let quoted = name.replace('\\', "\\\\").replace('"', "\\\"");
    write!(writer.folding(), "\"{quoted}\"")
}

/// Whether a reader shows it as it is written.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !text.contains("=?")
        && !text.contains(SPACES)
}

/// lettre asks for the raw value too, and reads the sender back from it with a parser that knows
/// less than RFC 5322. Nothing of it goes out, so every header gets one that it can read.
fn encoded(
    name: HeaderName,
    write: impl FnOnce(&mut EmailWriter<'_>) -> fmt::Result,
) -> Result<HeaderValue, fmt::Error> {
    let mut value = String::new();
    let mut writer = EmailWriter::new(&mut value, name.len() + ": ".len(), 0, false);
    write(&mut writer)?;
    drop(writer);
    Ok(HeaderValue::dangerous_new_pre_encoded(
        name,
        "raw@value.invalid".to_owned(),
        value,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(name: &str, address: &str) -> String {
        let mailbox = Mailbox::new(Some(name), address.parse().unwrap()).unwrap();
        let field = HeaderName::new_from_ascii_str("To");
        let mut headers = lettre::message::header::Headers::new();
        headers.insert_raw(mailboxes(field, [&mailbox]).unwrap());
        let written = headers.to_string();
        let value = written.strip_prefix("To: ").unwrap();
        value.trim_end().to_owned()
    }

    #[test]
    fn a_name_is_quoted_where_it_is_no_atom() {
        for (name, expected) in [
            ("Ada", "Ada"),
            ("O'Brien", "O'Brien"),
            ("Booking.com", "\"Booking.com\""),
            (".NET", "\".NET\""),
            ("Ada Lovelace", "\"Ada Lovelace\""),
            ("Lovelace, Ada", "\"Lovelace, Ada\""),
            ("a\"b\\c", "\"a\\\"b\\\\c\""),
            ("=?utf-8?q?a?=", "=?utf-8?b?PT91dGYtOD9xP2E/PQ==?="),
            ("two  spaces", "=?utf-8?b?dHdvICBzcGFjZXM=?="),
            ("für", "=?utf-8?b?ZsO8cg==?="),
        ] {
            assert_eq!(written(name, "a@b.test"), format!("{expected} <a@b.test>"));
        }
    }

    #[test]
    fn no_line_with_an_encoded_word_is_longer_than_76() {
        let long = format!("{}@{}.test", "a".repeat(64), "b".repeat(60));
        for length in 1..160 {
            for address in ["a@b.test", "ada.lovelace@example.org", &long] {
                for name in ["ü".repeat(length), "請".repeat(length.min(100))] {
                    let header = format!("To: {}", written(&name, address));
                    for line in header.split("\r\n") {
                        let encoded = line.contains("=?");
                        assert!(!encoded || line.len() <= 76, "{} {line}", line.len());
                    }
                }
            }
        }
    }
}
