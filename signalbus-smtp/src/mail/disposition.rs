use base64::{Engine, prelude::BASE64_STANDARD};
use lettre::message::header::{Header, HeaderName, HeaderValue};

/// `Content-Disposition` (RFC 2183). lettre's writes a name such as `=?utf-8?q?a.exe?=` as it is,
/// and mail programs show `a.exe`.
#[derive(Debug, Clone)]
pub(crate) struct Disposition {
    kind: &'static str,
    file_name: String,
}

/// Longer names have a line of their own, or are cut over lines (RFC 2231 section 3).
const LINE: usize = 60;
/// Bytes of one encoded word: 56 characters of base64, in a line of at most 76.
const WORD: usize = 36;

impl Disposition {
    pub(crate) fn attachment(file_name: &str) -> Self {
        Self {
            kind: "attachment",
            file_name: file_name.to_owned(),
        }
    }

    pub(crate) fn inline(file_name: &str) -> Self {
        Self {
            kind: "inline",
            file_name: file_name.to_owned(),
        }
    }

    fn value(&self) -> String {
        let name = self.file_name.as_str();
        let start = if name.len() < LINE { " " } else { "\r\n " };
        match is_plain(name) {
            // On a line of its own a long name is whole too: programs that do not know RFC 2231
            // show nothing of one that is cut.
            true => format!("{};{start}filename=\"{name}\"", self.kind),
            false => format!("{}{}", self.kind, extended(name)),
        }
    }
}

/// Whether a quoted string holds it as it is, for every reader.
fn is_plain(name: &str) -> bool {
    let plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    name.bytes().all(plain) && !name.contains("=?")
}

/// The parameter `name` of `Content-Type`, for programs that know no RFC 2231: with encoded words,
/// which RFC 2047 does not allow there, and which all of them read. None for a name that needs none.
pub(super) fn legacy_name(file_name: &str) -> Option<String> {
    if is_plain(file_name) {
        return None;
    }
    let mut words = Vec::new();
    let mut word = String::new();
    for c in file_name.chars() {
        if word.len() + c.len_utf8() > WORD {
            words.push(std::mem::take(&mut word));
        }
        word.push(c);
    }
    words.push(word);
    let words = words
        .iter()
        .map(|word| format!("=?utf-8?b?{}?=", BASE64_STANDARD.encode(word)));
    let name = words.collect::<Vec<_>>().join("\r\n ");
    Some(format!(";\r\n name=\"{name}\""))
}

/// `filename` in percent-encoded UTF-8 (RFC 2231 section 4), one piece a line.
fn extended(name: &str) -> String {
    let mut pieces = vec![String::from("utf-8''")];
    for c in name.chars() {
        let encoded = encode(c);
        match pieces.last_mut() {
            Some(piece) if piece.len() + encoded.len() <= LINE => piece.push_str(&encoded),
            _ => pieces.push(encoded),
        }
    }
    if let [piece] = pieces.as_slice() {
        return format!(";\r\n filename*={piece}");
    }
    pieces
        .iter()
        .enumerate()
        .map(|(index, piece)| format!(";\r\n filename*{index}*={piece}"))
        .collect()
}

fn encode(c: char) -> String {
    if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_') {
        return c.to_string();
    }
    let mut utf8 = [0; 4];
    c.encode_utf8(&mut utf8)
        .bytes()
        .map(|byte| format!("%{byte:02X}"))
        .collect()
}

impl Header for Disposition {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Disposition")
    }

    /// Nobody reads it back.
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Err("Content-Disposition is only written".into())
    }

    fn display(&self) -> HeaderValue {
        let value = self.value();
        HeaderValue::dangerous_new_pre_encoded(Self::name(), value.clone(), value)
    }
}

/// `Content-Type` of a file, with its name for old programs.
#[derive(Debug, Clone)]
pub(crate) struct NamedType(String);

impl NamedType {
    pub(crate) fn new(media_type: &str, file_name: &str) -> Self {
        let name = legacy_name(file_name).unwrap_or_default();
        Self(format!("{media_type}{name}"))
    }
}

impl Header for NamedType {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Type")
    }

    /// Nobody reads it back.
    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Err("this Content-Type is only written".into())
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::dangerous_new_pre_encoded(Self::name(), self.0.clone(), self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        let long = "n".repeat(200);
        let (umlauts, encoded) = ("ü".repeat(40), "%C3%BC".repeat(8));
        let table = [
            ("a b.pdf", "attachment; filename=\"a b.pdf\"".to_owned()),
            (
                "für.pdf",
                "attachment;\r\n filename*=utf-8''f%C3%BCr.pdf".to_owned(),
            ),
            (
                "=?utf-8?q?a?=",
                "attachment;\r\n filename*=utf-8''%3D%3Futf-8%3Fq%3Fa%3F%3D".to_owned(),
            ),
            (
                "a\"\r\nb",
                "attachment;\r\n filename*=utf-8''a%22%0D%0Ab".to_owned(),
            ),
            (
                &long,
                format!("attachment;\r\n filename=\"{}\"", "n".repeat(200)),
            ),
            (
                &umlauts[..18],
                format!("attachment;\r\n filename*0*=utf-8''{encoded};\r\n filename*1*=%C3%BC"),
            ),
        ];
        for (name, value) in table {
            assert_eq!(Disposition::attachment(name).value(), value);
        }
        assert_eq!(Disposition::inline("a").value(), "inline; filename=\"a\"");
    }

    #[test]
    fn a_name_beside_for_old_programs() {
        assert_eq!(legacy_name("plain name.pdf"), None);
        assert_eq!(
            legacy_name("für.pdf").unwrap(),
            ";\r\n name=\"=?utf-8?b?ZsO8ci5wZGY=?=\""
        );
        for line in legacy_name(&"請".repeat(85)).unwrap().split("\r\n") {
            assert!(line.len() <= 76, "{line}");
        }
    }

    #[test]
    fn no_character_is_cut() {
        let name = "請".repeat(85);
        for line in Disposition::inline(&name).value().split("\r\n") {
            assert!(line.len() < 78, "{line}");
            assert_eq!(line.matches('%').count() % 3, 0, "{line}");
        }
    }
}
