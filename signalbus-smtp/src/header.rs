//! Headers as they go over the wire. Lines stay under the 998 characters of RFC 5322 section
//! 2.1.1, which lettre's own headers do not see to for long lists and long words.

use std::fmt::{self, Write};

use email_encoding::headers::{quoted_string, rfc2047, writer::EmailWriter};
use lettre::message::header::{HeaderName, HeaderValue};
use signalbus_core::channel::email::Mailbox;

/// Words longer than this are encoded, because a header folds only between words.
const LONG_WORD: usize = 70;

/// More than one space: some readers take any white space at a fold for one.
const SPACES: &str = "  ";

/// A header of free text, such as `Subject`: ASCII as it is, all else as encoded words (RFC 2047).
pub(crate) fn text(name: HeaderName, value: &str) -> Result<HeaderValue, fmt::Error> {
    let plain = value.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && !value.contains("=?")
        && !value.contains(SPACES)
        && value.split(' ').all(|word| word.len() <= LONG_WORD);
    if plain {
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
                    if name.contains(SPACES) {
                        rfc2047::encode(name, writer)?;
                    } else {
                        quoted_string::encode(name, writer)?;
                    }
                    writer.space();
                    write!(writer, "<{address}>")?;
                }
            }
        }
        Ok(())
    })
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
