use crate::{channel::AddressError, text};

/// The longest local part in bytes (RFC 5321 section 4.5.3.1.1).
const MAX: usize = 64;

/// Checks a local part and gives it with no more quoting than it needs: `"ada"` becomes `ada`,
/// which names the same mailbox (RFC 5321 section 4.1.2).
pub(super) fn parse(written: &str) -> Result<String, AddressError> {
    if written.is_empty() {
        return Err(AddressError::new("nothing stands before the '@'"));
    }
    let meaning = match written.strip_prefix('"') {
        Some(quoted) => unquote(quoted)?,
        None if is_dot_atom(written) => written.to_owned(),
        None => {
            return Err(AddressError::new(
                "the part before the '@' has a character that is not allowed, or a '.' at its \
                 start, at its end, or next to another",
            ));
        }
    };
    let local = if is_dot_atom(&meaning) {
        meaning
    } else {
        quote(&meaning)
    };
    if local.len() > MAX {
        return Err(AddressError::new(
            "the part before the '@' is longer than 64 bytes",
        ));
    }
    Ok(local)
}

/// `dot-atom` of RFC 5322 section 3.2.3, with the non-ASCII text of RFC 6532 section 3.2.
fn is_dot_atom(text: &str) -> bool {
    text.split('.')
        .all(|atom| !atom.is_empty() && atom.chars().all(is_atext))
}

fn is_atext(c: char) -> bool {
    match c {
        'a'..='z' | 'A'..='Z' | '0'..='9' => true,
        '!' | '#' | '$' | '%' | '&' | '\'' | '*' | '+' | '-' | '/' | '=' | '?' | '^' | '_'
        | '`' | '{' | '|' | '}' | '~' => true,
        _ => is_international(c),
    }
}

fn is_international(c: char) -> bool {
    !c.is_ascii() && !c.is_whitespace() && !text::is_control(c) && !text::is_invisible(c)
}

/// Reads `Quoted-string` of RFC 5321 section 4.1.2 behind its first quote.
fn unquote(quoted: &str) -> Result<String, AddressError> {
    let mut meaning = String::with_capacity(quoted.len());
    let mut chars = quoted.chars();
    while let Some(c) = chars.next() {
        let c = match c {
            '"' if chars.as_str().is_empty() && !meaning.is_empty() => return Ok(meaning),
            '"' => break,
            '\\' => match chars.next() {
                Some(escaped @ ' '..='~') => escaped,
                _ => break,
            },
            c => c,
        };
        if !matches!(c, ' '..='~') && !is_international(c) {
            break;
        }
        meaning.push(c);
    }
    Err(AddressError::new(
        "the quoted part before the '@' is empty, does not end, or has a character that is not \
         allowed",
    ))
}

fn quote(meaning: &str) -> String {
    let mut quoted = String::with_capacity(meaning.len() + 2);
    quoted.push('"');
    for c in meaning.chars() {
        if matches!(c, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(c);
    }
    quoted.push('"');
    quoted
}
